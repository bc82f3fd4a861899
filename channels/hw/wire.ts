/** The provider's requests, answers and messages, as its documentation gives them. */
import { z } from "zod";
import type { ChannelTools } from "../contract.ts";
import { type Answer, open, send } from "../kit/http.ts";
import { garbled, noData, type Operation, refusalOf, statusError } from "./codes.ts";
import { addressesOf, type HwConfig } from "./config.ts";
import type { Tokens } from "./token.ts";

/** Documented as strings; the vendor's own samples show numbers too. */
const word = z.union([z.string(), z.number()]).transform(String);
const absent = new Set(["", "0", "null"]);
/** Epoch milliseconds, so without a zone; null, "" and "0" where it has not come to that. */
const time = word.nullish().transform((text, context) => {
  if (text == null || absent.has(text)) return null;
  if (/^\d{12,14}$/.test(text)) return new Date(Number(text));
  context.addIssue({ code: "custom", message: "not epoch milliseconds" });
  return z.NEVER;
});

const callFields = {
  state: word,
  reasonCode: word.nullish(),
  callData: z.string().nullish(),
  startTime: time,
  endTime: time,
};
export const stateMessage = z.object({ result: z.object(callFields) });
export const cdrMessage = z.object({
  ...callFields,
  callSerialNo: word,
  agentAlertingTime: time,
  agentTalkingTime: time,
  alertingTime: time,
  talkingTime: time,
  releaseTime: time,
  talkDuration: z.coerce.number().nonnegative().nullish(),
});
/** Pushed when the two are joined. */
export const connectMessage = z.object({ callSerialNo: word, callData: z.string().nullish() });
/** Pushed at the end. Its times name no zone (`2022/02/22,10:04:29:004`): only their presence is read. */
export const releaseMessage = connectMessage.extend({ releaseReason: word, talkingTime: z.string().nullish() });

export interface CreateCall {
  caller: string;
  called: string;
  agentWorkNo?: number;
  callData: string;
  /** What the customer is shown. */
  callerPresent?: string;
  /** What the agent is shown. */
  agentPresent?: string;
  /** Base64. */
  callBackUrl?: string;
}
export interface CdrQuery {
  /** Epoch milliseconds, at most seven days apart. */
  startTime: string;
  endTime: string;
  offset: string;
  limit: string;
  caller?: string;
  /** 1: two-way calls. */
  taskType: "1";
}

export const createAnswer = z.object({ result: z.object({ callSerialNo: word.pipe(z.string().min(1).max(50)) }) });
export const listAnswer = z.object({
  result: z.object({
    total: z.coerce.number().nonnegative().nullish(),
    callInfo: z.array(z.looseObject({ callSerialNo: word, callData: z.string().nullish() })).nullish(),
  }),
});
const recordingAnswer = z.object({ result: z.object({ url: z.url({ protocol: /^https?$/ }) }) });
const codedAnswer = z.looseObject({ retCode: word });
const codeShape = /^\d{1,12}$/;

export type Wire = ReturnType<typeof openWire>;

export function openWire(config: HwConfig, tools: ChannelTools, tokens: Tokens) {
  const base = `${addressesOf(config).api}/apiaccess/CC-Management/v1/mobileAgent`;

  async function sendOnce(operation: Operation, body: unknown, signal: AbortSignal) {
    const token = await tokens.current(signal);
    const headers = {
      "content-type": "application/json",
      "x-app-key": config.appKey,
      authorization: `Bearer ${token}`,
    };
    const outgoing = { method: "POST", url: `${base}/${operation}`, headers, body: JSON.stringify(body) };
    const answer = await send(tools.fetch, outgoing, signal);
    if (answer.status === 401) tokens.drop(token);
    return answer;
  }

  /** A question rings nobody, so it is asked once more where the token had been withdrawn before its time. */
  async function ask(operation: Exclude<Operation, "createCall">, body: unknown, signal: AbortSignal) {
    const answer = await sendOnce(operation, body, signal);
    return answer.status === 401 ? sendOnce(operation, body, signal) : answer;
  }

  return {
    /** One request that makes phones ring, whatever comes of it. */
    async createCall(body: CreateCall, signal: AbortSignal): Promise<string> {
      const answer = await sendOnce("createCall", body, signal);
      return formed(createAnswer, accepted("createCall", answer)).result.callSerialNo;
    },
    /** The answer as it came, once it is known to be one. */
    async state(callSerialNo: string, signal: AbortSignal): Promise<Uint8Array> {
      const answer = await ask("queryCallState", { callSerialNo }, signal);
      accepted("queryCallState", answer);
      return answer.body;
    },
    async list(query: CdrQuery, signal: AbortSignal) {
      const answer = await ask("queryCallDetailRecord", query, signal);
      const value = accepted("queryCallDetailRecord", answer, noData);
      if (value === null) return { total: 0, calls: [] };
      const { total, callInfo } = formed(listAnswer, value).result;
      return { total: total ?? null, calls: callInfo ?? [] };
    },
    /** The address is asked for anew each time: it holds for five minutes. */
    async openRecording(callSerialNo: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
      const found = await ask("getRecordingAddress", { callSerialNo }, signal);
      const { url } = formed(recordingAnswer, accepted("getRecordingAddress", found)).result;
      const answer = await open(tools.fetch, { method: "GET", url }, signal);
      if (answer.status === 200) return answer.body;
      await answer.body.cancel();
      throw garbled(`http-${answer.status}`);
    },
  };
}

/** The answer's JSON where it says yes; null for the code that means an empty answer. */
function accepted(operation: Operation, answer: Answer, empty?: string): unknown {
  if (answer.status !== 200) throw statusError(answer.status);
  const coded = codedAnswer.safeParse(parseJson(answer.text()));
  if (!coded.success || !codeShape.test(coded.data.retCode)) throw garbled("http-200");
  const { retCode } = coded.data;
  if (retCode === empty) return null;
  if (retCode !== "0") throw refusalOf(operation, retCode);
  return coded.data;
}

function formed<T>(form: z.ZodType<T>, value: unknown): T {
  const result = form.safeParse(value);
  if (!result.success) throw garbled("form");
  return result.data;
}

/**
 * Serial numbers have 19 digits and are documented as a number in one place: as such they would lose their last ones.
 * Undefined for what is no JSON.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/("callSerialNo"\s*:\s*)(\d+)/g, '$1"$2"'));
  } catch {
    return undefined;
  }
}

/** A push's fields. The vendor's samples show a map as Java prints it (`{a=1, b=}`): read too. */
export function parsePush(text: string): unknown {
  const json = parseJson(text);
  if (json !== undefined) return json;
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const pairs = inner.split(/,\s+(?=\w+=)/).map((pair) => /^\s*(\w+)=(.*?)\s*$/s.exec(pair));
  if (pairs.includes(null)) return undefined;
  const known = pairs.filter((pair) => pair !== null && pair[2] !== "null");
  return Object.fromEntries(known.map((pair) => [pair?.[1], pair?.[2]]));
}
