/** Sends what the console has it push: each at most four times, with one X-TCCC-PUSH-UUID, proved as set there. */
import { randomUUID } from "node:crypto";
import { readFields } from "../../kit/far/body.ts";
import type { Far } from "../../kit/far/side.ts";
import { cdrPush, type FarCall, recordPushes } from "./call.ts";
import type { Script } from "./plan.ts";

export type PushAuth =
  | { kind: "none" }
  | { kind: "basic"; user: string; secret: string }
  | { kind: "oauth"; user: string; secret: string; tokenUrl: string };

export interface PusherOptions {
  retryMs: number;
  recordUrlOf(call: FarCall): string | null;
}

export function openPusher({ pushes, now }: Far<FarCall, Script>, { retryMs, recordUrlOf }: PusherOptions) {
  let auth: PushAuth = { kind: "none" };
  let token: { text: string; until: number } | null = null;

  function push(url: string, action: string, message: object): Promise<void> {
    const address = new URL(url);
    address.searchParams.set("action", action);
    address.searchParams.set("version", "1");
    const headers = { "content-type": "application/json;charset=utf8", "x-tccc-push-uuid": randomUUID() };
    const body = JSON.stringify(message);
    return pushes.sendUntilTaken([retryMs, retryMs, retryMs], async () => {
      const proof = await proofOf(auth);
      if (proof === null) return false;
      const received = await pushes.send(address.href, { headers: { ...headers, ...proof }, body });
      return received?.status === 200 && fieldsIn(received.text).ErrCode === 0;
    });
  }

  async function proofOf(by: PushAuth): Promise<Record<string, string> | null> {
    if (by.kind === "none") return {};
    if (by.kind === "basic") {
      return { authorization: `Basic ${Buffer.from(`${by.user}:${by.secret}`).toString("base64")}` };
    }
    if (token === null || token.until <= now()) token = await newToken(by);
    return token === null ? null : { authorization: `Bearer ${token.text}` };
  }

  async function newToken({ tokenUrl, user, secret }: Extract<PushAuth, { kind: "oauth" }>) {
    const form = { grant_type: "client_credentials", client_id: user, client_secret: secret };
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const received = await pushes.send(tokenUrl, { headers, body: new URLSearchParams(form).toString() });
    const { access_token: text, expires_in: seconds } = fieldsIn(received?.text ?? "");
    return typeof text === "string" ? { text, until: now() + Number(seconds ?? 0) * 1_000 } : null;
  }

  async function pushEnd(call: FarCall, url: string): Promise<void> {
    const recordUrl = recordUrlOf(call);
    const cdr = () => push(url, "cdr", cdrPush(call));
    const sound = recordUrl === null ? [] : recordPushes(call, recordUrl);
    const record = () => Promise.all(sound.map((message) => push(url, "record", message)));
    for (const send of call.play.jumbled ? [record, cdr, record, cdr] : [cdr, record]) await send();
  }

  return {
    tellEnd(call: FarCall): void {
      const { pushUrl, play } = call;
      if (pushUrl !== null && !play.losesPushes) void pushEnd(call, pushUrl);
    },
    authenticate(by: PushAuth): void {
      auth = by;
      token = null;
    },
  };
}

function fieldsIn(text: string): Record<string, unknown> {
  return readFields(Buffer.from(text)) ?? {};
}
