/** The provider's requests and answers: developer.7moor.com/v2docs. */
import { z } from "zod";
import { ChannelError, type ChannelTools, type ErrorCause, type ErrorKind } from "../contract.ts";
import { type Answer, open, send } from "../kit/http.ts";
import { signSid } from "../kit/sid-sign.ts";
import { beijing, timeFormat } from "../kit/zone.ts";
import type { QimoorConfig } from "./config.ts";

/** Of records and events; their zone is not stated. */
export const wallTime = timeFormat("yyyy-MM-dd HH:mm:ss", beijing);

export interface DialoutRequest {
  /** The agent. */
  FromExten: string;
  /** The customer. */
  Exten: string;
  ExtenType: "Local" | "sip" | "gateway";
  /** At most 40 bytes; comes back in the events. */
  ActionID: string;
}
export interface WebcallRequest {
  Action: "Webcall";
  ServiceNo: string;
  /** Called first. */
  Exten: string;
  WebCallType: "asynchronous";
  CallBackUrl: string;
  /** `name:value`, for the service number's flow. */
  Variable: string;
  ActionID: string;
}
export interface HangupRequest {
  Agent: string;
  ActionID: string;
}
export type CdrRecord = Record<string, string>;

type Operation = "dialout" | "hangup" | "webcall" | "cdr";
const paths: Record<Operation, string> = {
  dialout: "v20160818/call/dialout",
  hangup: "v20160818/call/hangup",
  webcall: "v20160818/webCall/webCall",
  cdr: "v20170704/cdr/getCCCdr",
};

const code = z.union([z.string(), z.number()]).transform(String);
const actionAnswer = z.object({ Succeed: z.boolean(), Message: z.string().nullish(), ActionID: z.string().nullish() });
const codedAnswer = z.object({ code: code.pipe(z.string().regex(/^\d{3}$/)) });
const plain = z.union([z.string(), z.number()]).transform(String).nullish();
const listAnswer = z.object({ data: z.array(z.record(z.string(), plain.catch(null))).nullish() });

/** Of an answer's `code`, and of the digits with which a `Message` begins. */
const refusals: Record<string, { kind: ErrorKind; cause: ErrorCause }> = {
  "400": { kind: "refused", cause: "parameter" },
  // "PBX not found": the account has no exchange.
  "401": { kind: "refused", cause: "instance" },
  "403": { kind: "unauthorized", cause: "credentials" },
};

export type Wire = ReturnType<typeof openWire>;

export function openWire(config: QimoorConfig, tools: ChannelTools) {
  const base = config.baseUrl.replace(/\/+$/, "");

  async function exchange(operation: Operation, body: object, signal: AbortSignal): Promise<unknown> {
    const { sig, authorization } = signSid({ sid: config.accountId, token: config.apiSecret }, tools.now());
    const headers = { accept: "application/json", "content-type": "application/json;charset=utf-8", authorization };
    const url = `${base}/${paths[operation]}/${config.accountId}?sig=${sig}`;
    const answer = await send(tools.fetch, { method: "POST", url, headers, body: JSON.stringify(body) }, signal);
    const value = parse(answer);
    const coded = codedAnswer.safeParse(value);
    if (coded.success && coded.data.code !== "200") throw refusal(coded.data.code);
    if (answer.status !== 200 || value === null) throw garbled(`http-${answer.status}`);
    return value;
  }

  /** Resolves only on the provider's explicit yes. */
  async function act(operation: Operation, body: { ActionID: string }, signal: AbortSignal): Promise<void> {
    const answer = actionAnswer.safeParse(await exchange(operation, body, signal));
    if (!answer.success) throw garbled("form");
    const { Succeed, Message, ActionID } = answer.data;
    if (!Succeed) throw refusal(/^\d{3}(?!\d)/.exec(Message ?? "")?.[0] ?? "not-succeeded");
    // An answer about something else is none.
    if (ActionID && ActionID !== body.ActionID) throw garbled("action-id");
  }

  function refusal(code: string): ChannelError {
    if (/^5/.test(code)) return new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
    const known = Object.hasOwn(refusals, code) ? refusals[code] : undefined;
    if (known) return new ChannelError({ ...known, effect: "none", code });
    const effect = config.refusalsAreCertain ? "none" : "unknown";
    return new ChannelError({ kind: "refused", effect, cause: "other", code });
  }

  return {
    dialout: (body: DialoutRequest, signal: AbortSignal) => act("dialout", body, signal),
    webcall: (body: WebcallRequest, signal: AbortSignal) => act("webcall", body, signal),
    hangup: (body: HangupRequest, signal: AbortSignal) => act("hangup", body, signal),
    async records(begin: Date, end: Date, signal: AbortSignal): Promise<CdrRecord[]> {
      const window = { beginTime: wallTime.write(begin), endTime: wallTime.write(end) };
      const value = await exchange("cdr", window, signal);
      const listed = codedAnswer.safeParse(value).success ? listAnswer.safeParse(value) : null;
      if (!listed?.success) throw garbled("form");
      return (listed.data.data ?? []).map((record) =>
        Object.fromEntries(Object.entries(record).flatMap(([name, text]) => (text == null ? [] : [[name, text]]))),
      );
    },
    async openRecording(ref: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
      const answer = await open(tools.fetch, { method: "GET", url: recordingUrl(ref, config) }, signal);
      // An error page is no sound.
      const isText = /json|xml|text/i.test(answer.headers.get("content-type") ?? "");
      if (answer.status === 200 && !isText) return answer.body;
      await answer.body.cancel();
      const code = `http-${answer.status}`;
      if (answer.status === 404) throw new ChannelError({ kind: "refused", effect: "none", cause: "not-found", code });
      throw garbled(code);
    },
  };
}

/** The address comes from a push: our hosts or none. */
function recordingUrl(ref: string, config: QimoorConfig): string {
  const url = URL.parse(ref);
  const isOurs =
    url !== null &&
    (url.origin === new URL(config.baseUrl).origin ||
      config.recordingHosts.split(",").some((host) => url.hostname === host || url.hostname.endsWith(`.${host}`)));
  if (isOurs && /^https?:$/.test(url.protocol)) return url.href;
  throw new ChannelError({ kind: "refused", effect: "none", cause: "parameter", code: "recording-host" });
}

function parse(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text());
  } catch {
    return null;
  }
}

function garbled(code: string): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
}
