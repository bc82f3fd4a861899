/** The platform's requests and answers, as its SDKs send and read them. */
import { z } from "zod";
import { ChannelError, type ChannelTools } from "../contract.ts";
import { type Answer, open, send } from "../kit/http.ts";
import { signSid } from "../kit/sid-sign.ts";
import { cancelRefusal, refusal } from "./codes.ts";
import { callerOf, mainOf, type RonglianConfig } from "./config.ts";

const version = "2013-12-26";
const success = "000000";

/** Every value a string: an unquoted number fails. */
export interface CallbackRequest {
  /** Where the main account calls; a sub-account belongs to one app. */
  appId?: string;
  /** Leg A. */
  from: string;
  /** Leg B. */
  to: string;
  /** Shown to leg B. */
  customerSerNum?: string;
  /** Shown to leg A. */
  fromSerNum?: string;
  userData: string;
  /** Seconds. */
  maxCallTime: string;
  hangupCdrUrl: string;
  needBothCdr: "0" | "1";
  needRecord: "0" | "1";
}
export interface CancelRequest {
  appId: string;
  callSid: string;
  /** 0: at any time. */
  type: "0";
}

const codedAnswer = z.looseObject({ statusCode: z.string().regex(/^\d{6}$/) });
const placeAnswer = z.object({ CallBack: z.object({ callSid: z.string().regex(/^[\w-]{1,64}$/) }) });
const accountAnswer = z.object({ Account: z.object({ balance: z.coerce.number().nullish() }) });

export type Wire = ReturnType<typeof openWire>;

export function openWire(config: RonglianConfig, tools: ChannelTools) {
  const base = `${config.baseUrl.replace(/\/+$/, "")}/${version}`;
  const caller = callerOf(config);
  const main = mainOf(config);

  async function exchange(account: typeof caller, path: string, body: object | null, signal: AbortSignal) {
    const { sig, authorization } = signSid(account, tools.now());
    const headers = {
      accept: "application/json",
      "content-type": "application/json;charset=utf-8",
      authorization,
    };
    const url = `${base}/${account.level}/${account.sid}/${path}?sig=${sig}`;
    if (body === null) return send(tools.fetch, { method: "GET", url, headers }, signal);
    return send(tools.fetch, { method: "POST", url, headers, body: JSON.stringify(body) }, signal);
  }

  return {
    /** The call's id at the platform: accepted, though nothing rings yet. */
    async callback(body: CallbackRequest, signal: AbortSignal): Promise<string> {
      const answer = await exchange(caller, config.callbackPath, body, signal);
      return formed(placeAnswer, accepted(answer, refusal)).CallBack.callSid;
    },
    async cancel(callSid: string, signal: AbortSignal): Promise<void> {
      const body: CancelRequest = { appId: config.appId, callSid, type: "0" };
      accepted(await exchange(caller, config.cancelPath, body, signal), cancelRefusal);
    },
    /** The main account's balance; null where no main account is known, or it is not told. */
    async balance(signal: AbortSignal): Promise<number | null> {
      if (main === null) return null;
      const answer = await exchange(main, "AccountInfo", null, signal);
      return formed(accountAnswer, accepted(answer, refusal)).Account.balance ?? null;
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

/** The answer's JSON where it says yes, whatever the HTTP status of a no: the platform documents none. */
function accepted(answer: Answer, refused: (code: string) => ChannelError): unknown {
  const coded = codedAnswer.safeParse(parse(answer));
  if (!coded.success) throw garbled(`http-${answer.status}`);
  if (coded.data.statusCode !== success) throw refused(coded.data.statusCode);
  if (answer.status !== 200) throw garbled(`http-${answer.status}`);
  return coded.data;
}

/** The address comes from a push: our hosts or none. */
function recordingUrl(ref: string, config: RonglianConfig): string {
  const url = URL.parse(ref);
  const isOurs =
    url !== null &&
    (url.origin === new URL(config.baseUrl).origin ||
      config.recordingHosts.split(",").some((host) => url.hostname === host || url.hostname.endsWith(`.${host}`)));
  if (isOurs && /^https?:$/.test(url.protocol)) return url.href;
  throw new ChannelError({ kind: "refused", effect: "none", cause: "parameter", code: "recording-host" });
}

function formed<T>(form: z.ZodType<T>, value: unknown): T {
  const result = form.safeParse(value);
  if (!result.success) throw garbled("form");
  return result.data;
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
