/** The simulated provider's requests, answers and messages, as its documentation would give them. */
import { z } from "zod";
import { ChannelError, type ChannelTools, type ErrorCause, type ErrorKind } from "../contract.ts";
import { type Answer, open, send } from "../kit/http.ts";
import type { FakeConfig } from "./config.ts";
import { sign } from "./sign.ts";

const time = z.iso.datetime().transform((text) => new Date(text));
const legTimes = z.object({
  calledAt: time.nullable(),
  rangAt: time.nullable(),
  answeredAt: time.nullable(),
});
const callNames = z.object({ callId: z.string(), callRef: z.string(), attempt: z.int() });

/** Pushed as it happens. `event` and `code` stay open: a provider invents words. */
export const eventMessage = z.object({
  type: z.literal("event"),
  ...callNames.shape,
  event: z.string(),
  leg: z.enum(["a", "b"]).nullable(),
  time,
  code: z.string().nullable(),
});
/** A running call's state so far, or with the type `cdr` the last word about an ended one. */
export const callMessage = z.object({
  type: z.enum(["state", "cdr"]),
  ...callNames.shape,
  state: z.string(),
  a: legTimes,
  b: legTimes,
  endedAt: time.nullable(),
  code: z.string().nullable(),
  recording: z.object({ ref: z.string(), seconds: z.number(), bytes: z.int() }).nullable(),
});
export type EventMessage = z.input<typeof eventMessage>;
export type CallMessage = z.input<typeof callMessage>;

export interface PlaceRequest {
  callRef: string;
  attempt: number;
  agent: string;
  customer: string;
  displayNumber: string | null;
  privacy: boolean;
  record: boolean;
  ringTimeoutSeconds: number;
  maxDurationSeconds: number;
  notifyUrl: string | null;
  answersAll: boolean;
  speed: number;
}

export const placeAnswer = z.object({ callId: z.string().min(1) });
/** `complete` is false where the list may lack a call of the last two minutes. */
export const listAnswer = z.object({ calls: z.array(callNames), complete: z.boolean() });
export const statesAnswer = z.object({ states: z.array(z.looseObject({ type: z.string(), callId: z.string() })) });
export const feedAnswer = z.object({ cdrs: z.array(z.unknown()), cursor: z.string().min(1) });
const codedAnswer = z.looseObject({ code: z.string() });

/** The documented codes. An answer with a code of this shape means that nothing was done. */
const refusalShape = /^E_[A-Z_]{1,60}$/;
const refusals: Record<string, { kind: ErrorKind; cause: ErrorCause }> = {
  E_AUTH: { kind: "unauthorized", cause: "credentials" },
  E_ENDED: { kind: "refused", cause: "ended" },
  E_LIMIT: { kind: "limited", cause: "rate" },
  E_NOT_FOUND: { kind: "refused", cause: "not-found" },
  E_NUMBER: { kind: "refused", cause: "number" },
  E_PARAMETER: { kind: "refused", cause: "parameter" },
  E_UNAVAILABLE: { kind: "refused", cause: "server" },
};

export interface Ask {
  method: "GET" | "POST";
  path: string;
  body?: unknown;
}

export function openWire(config: FakeConfig, tools: ChannelTools) {
  const base = config.baseUrl.replace(/\/+$/, "");

  function describe({ method, path, body }: Ask) {
    const text = body === undefined ? "" : JSON.stringify(body);
    const url = base + path;
    const { pathname, search } = new URL(url);
    const stamp = { time: String(tools.now().getTime()), nonce: tools.randomId() };
    const signature = sign(config.secret, {
      ...stamp,
      method,
      path: pathname + search,
      body: new TextEncoder().encode(text),
    });
    const headers = {
      "content-type": "application/json",
      "x-fake-account": config.accountId,
      "x-fake-time": stamp.time,
      "x-fake-nonce": stamp.nonce,
      "x-fake-signature": signature,
    };
    return { method, url, headers, ...(text !== "" && { body: text }) };
  }

  return {
    /** Resolves only on `ok` and the expected form. */
    async ask<T>(ask: Ask, form: z.ZodType<T>, signal: AbortSignal): Promise<T> {
      const answer = await send(tools.fetch, describe(ask), signal);
      const coded = codedAnswer.safeParse(parse(answer));
      if (!coded.success) throw garbled(`http-${answer.status}`);
      if (refusalShape.test(coded.data.code)) throw refusal(coded.data.code);
      if (coded.data.code !== "ok" || answer.status !== 200) throw garbled(`http-${answer.status}`);
      const formed = form.safeParse(coded.data);
      if (!formed.success) throw garbled("form");
      return formed.data;
    },
    async openRecording(ref: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
      const path = `/v1/recordings/${encodeURIComponent(ref)}`;
      const answer = await open(tools.fetch, describe({ method: "GET", path }), signal);
      if (answer.status === 200) return answer.body;
      await answer.body.cancel();
      if (answer.status === 404) throw refusal("E_NOT_FOUND");
      if (answer.status === 401) throw refusal("E_AUTH");
      throw garbled(`http-${answer.status}`);
    },
  };
}

function parse(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text());
  } catch {
    return null;
  }
}

function refusal(code: string): ChannelError {
  const known = Object.hasOwn(refusals, code) ? refusals[code] : undefined;
  return new ChannelError({ ...(known ?? { kind: "refused", cause: "other" }), effect: "none", code });
}

function garbled(code: string): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
}
