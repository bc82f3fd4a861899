/** The provider's requests, answers and messages, as its pages give them. */
import { z } from "zod";
import { ChannelError, type ChannelTools } from "../contract.ts";
import { type Answer, open, send } from "../kit/http.ts";
import { garbled, type Operation, refusalOf } from "./codes.ts";
import type { HwvoiceConfig } from "./config.ts";
import { type Clock, signed } from "./sign.ts";

/** Documented as integers; the vendor's samples write both. */
const word = z.union([z.string(), z.number()]).transform(String);
const text = z.string().nullish();

/** Pushed as it happens, once. `called` tells the legs apart. */
export const statusMessage = z.object({
  eventType: z.string(),
  statusInfo: z.object({
    sessionId: z.string().min(1).max(256),
    timestamp: text,
    userData: text,
    called: text,
    stateCode: word.nullish(),
  }),
});
/** One record of a fee push; leg A is `callOut`, leg B `fwd`. Times are UTC. */
export const feeMessage = z.object({
  eventType: z.literal("fee"),
  feeLst: z.tuple([
    z.object({
      sessionId: z.string().min(1).max(256),
      userData: text,
      serviceType: word.nullish(),
      callOutStartTime: text,
      callOutAlertingTime: text,
      callOutAnswerTime: text,
      callOutUnaswRsn: word.nullish(),
      fwdStartTime: text,
      fwdAlertingTime: text,
      fwdAnswerTime: text,
      fwdUnaswRsn: word.nullish(),
      callEndTime: text,
      failTime: text,
      ulFailReason: word.nullish(),
      recordFlag: word.nullish(),
      recordStartTime: text,
      recordObjectName: text,
      recordDomain: text,
      recordFileDownloadUrl: text,
    }),
  ]),
});
export type FeeRecord = z.output<typeof feeMessage>["feeLst"][0];

/** Field by field as documented; flags are words there. */
export interface ClickToCall {
  displayNbr: string;
  callerNbr: string;
  displayCalleeNbr: string;
  calleeNbr: string;
  /** Minutes from B's answer, 1 to 1,440. */
  maxDuration: number;
  /** Base64 of the address; without them those entered on the application are used. */
  statusUrl?: string;
  feeUrl?: string;
  recordFlag: "true" | "false";
  userData: string;
}

export const callAnswer = z.object({ sessionId: z.string().min(1).max(256) });
export const stopAnswer = z.object({});
const codedAnswer = z.looseObject({ resultcode: word.pipe(z.string().regex(/^\d{1,12}$/)) });
const paths = {
  click2Call: "/rest/httpsessions/click2Call/v2.0",
  callStop: "/rest/httpsessions/callStop/v2.0",
  record: "/rest/provision/voice/record/v1.0",
} as const satisfies Record<Operation, string>;

export function openWire(config: HwvoiceConfig, tools: ChannelTools) {
  const base = config.baseUrl.replace(/\/+$/, "");
  const nonce = () => tools.randomId().replace(/\W|_/g, "");
  const headers = (clock: Clock) => signed(config, clock, tools.now(), nonce());

  return {
    /** Resolves only on the code for success and the expected form. */
    async ask<T>(
      ask: { operation: "click2Call" | "callStop"; body: unknown; form: z.ZodType<T>; clock: Clock },
      signal: AbortSignal,
    ): Promise<T> {
      const outgoing = {
        method: "POST",
        url: base + paths[ask.operation],
        headers: { "content-type": "application/json;charset=UTF-8", ...headers(ask.clock) },
        body: JSON.stringify(ask.body),
      };
      const answer = await send(tools.fetch, outgoing, signal);
      const coded = readCoded(ask.operation, answer);
      const formed = ask.form.safeParse(coded);
      if (!formed.success) throw garbled("form");
      return formed.data;
    },
    /** Answered by a redirect to where the sound lies, for some minutes. */
    async openRecording(ref: string, clock: Clock, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
      const direct = /^https?:/i.test(ref);
      const url = direct ? ourHost(ref, config) : await locate(ref, clock, signal);
      const answer = await open(tools.fetch, { method: "GET", url }, signal);
      const isText = /json|xml|text/i.test(answer.headers.get("content-type") ?? "");
      if (answer.status === 200 && !isText) return answer.body;
      await answer.body.cancel();
      throw answer.status === 404 ? refusalOf("record", "http-404") : garbled(`http-${answer.status}`);
    },
  };

  async function locate(ref: string, clock: Clock, signal: AbortSignal): Promise<string> {
    const query = new URLSearchParams(ref);
    if (!query.has("fileName") || !query.has("recordDomain")) throw refusalOf("record", "reference");
    const answer = await send(
      tools.fetch,
      { method: "GET", url: `${base}${paths.record}?${query}`, headers: headers(clock) },
      signal,
    );
    const location = answer.headers.get("location") ?? "";
    if (answer.status === 301 && /^https?:\/\//i.test(location)) return location;
    if (answer.status === 301) throw garbled("location");
    readCoded("record", answer);
    throw garbled("form");
  }
}

/** An address out of a push, which may not even be signed: the provider's hosts, or none. */
function ourHost(ref: string, { baseUrl, recordingHost }: HwvoiceConfig): string {
  const url = URL.parse(ref);
  const isOurs =
    url !== null &&
    (url.origin === new URL(baseUrl).origin ||
      url.hostname === recordingHost ||
      url.hostname.endsWith(`.${recordingHost}`));
  if (isOurs) return url.href;
  throw new ChannelError({ kind: "refused", effect: "none", cause: "parameter", code: "recording-host" });
}

/** The documented statuses with a code are 200 and 400; a code with any other says nothing about what was done. */
function readCoded(operation: Operation, answer: Answer): unknown {
  const coded = codedAnswer.safeParse(parse(answer));
  if (!coded.success) throw garbled(`http-${answer.status}`);
  const { resultcode } = coded.data;
  if (answer.status !== 200 && (answer.status < 400 || answer.status >= 500)) throw garbled(`http-${answer.status}`);
  if (resultcode !== "0") throw refusalOf(operation, resultcode);
  if (answer.status !== 200) throw garbled(`http-${answer.status}`);
  return coded.data;
}

function parse(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text());
  } catch {
    return null;
  }
}
