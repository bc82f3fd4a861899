/** The far side of the `e9` channel: 玖云 on a socket, with its rules, its payloads and scripted calls. */
import { randomUUID } from "node:crypto";
import { notFound } from "../kit/far/answer.ts";
import { silentMp3 } from "../kit/far/recording.ts";
import { type FarSide, type FarSideOptions, openFarSide } from "../kit/far/side.ts";
import type { FarCall } from "./far/call.ts";
import { openCalls } from "./far/calls.ts";
import { type Account, openDoor } from "./far/door.ts";
import { openOperations, said } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";

export type { FarCall } from "./far/call.ts";
export type { Ending, Script } from "./far/plan.ts";

export interface E9ProviderOptions extends FarSideOptions {
  /** Under which name the call is placed; the provider's pages spell it in two ways. */
  callbackPath?: "callBack" | "callback";
  /** Queries for records that one account may make in a minute; 9 by default, since it has to be fewer than ten. */
  recordsPerMinute?: number;
  /** At most 16 letters or digits of every call id; a far side that starts again needs another one. */
  seed?: string;
}

export interface E9Provider extends FarSide<FarCall, Script> {
  /** With each app the address entered on it for notifications; null pushes nothing. */
  addAccount(accountSid: string, account: Account): void;
}

const recordingPath = /^\/record\/(\w+)\.mp3$/;

export async function startE9Provider(options: E9ProviderOptions = {}): Promise<E9Provider> {
  const far = await openFarSide<FarCall, Script>(options);
  const accounts = new Map<string, Account>();
  const tell = openPusher(far, ({ accountSid, appId }) => accounts.get(accountSid)?.apps[appId] ?? null);
  const seed = options.seed ?? randomUUID().replaceAll("-", "").slice(0, 16);
  const calls = openCalls(far, seed, tell);
  const { callbackPath = "callBack", recordsPerMinute = 9 } = options;
  const operations = openOperations(far, calls, { callbackPath, recordsPerMinute });
  const door = openDoor(accounts, far.now);

  function recording(callId: string, auth: string | null) {
    const call = far.calls.get(callId);
    if (!call || !door.opensRecording(call.accountSid, auth)) return { ...notFound, status: 401 };
    const isThere = call.order.needRecord === 1 && call.startTimeA !== null && call.endTime !== null;
    return isThere ? { status: 200, type: "audio/mpeg", body: silentMp3() } : notFound;
  }

  far.serve((asked) => {
    const { pathname, searchParams } = asked.url;
    const [, recorded] = recordingPath.exec(pathname) ?? [];
    if (recorded !== undefined) {
      far.count("recording");
      return recording(recorded, searchParams.get("auth"));
    }
    const admitted = asked.method === "POST" ? door.admit(asked) : null;
    if (admitted === null) return notFound;
    if ("refusal" in admitted) {
      far.count("unauthorized");
      return said({ statusCode: admitted.refusal }, far.now());
    }
    const operation = operations.get(admitted.operation);
    if (!operation) return notFound;
    far.count(admitted.operation);
    return operation({ ...admitted, body: asked.body });
  });

  return Object.assign(far.side, {
    addAccount: (accountSid: string, account: Account) => void accounts.set(accountSid, account),
  });
}
