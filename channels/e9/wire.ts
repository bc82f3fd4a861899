/** The provider's requests and answers, as its pages give them. */
import { z } from "zod";
import { ChannelError, type ChannelTools, type Effect, type ErrorCause, type ErrorKind } from "../contract.ts";
import { type Answer, open, send } from "../kit/http.ts";
import type { E9Config } from "./config.ts";
import { recordingAuth, sign } from "./sign.ts";

const softVersion = "2016-01-01";
const codeForm = /^\d{6}$/;
const success = "000000";
export const callIdUnknown = "900217";

/** `callback` of a request that places a call. */
export interface CallbackRequest {
  appId: string;
  from: string;
  to: string;
  /** Shown to leg A, by preference; at most three. */
  fromSerNum?: string[];
  /** Shown to leg B. */
  toSerNum?: string[];
  needRecord: 0 | 1;
  /** At most 128 bytes. */
  userData: string;
  /** Seconds from the moment both talk. */
  maxCallTime: number;
}

const codedAnswer = z.object({ resp: z.looseObject({ statusCode: z.string().regex(codeForm) }) });
/** A `subStatusCode` beside the id tells that a wish was not granted, such as a shown number: the call runs. */
export const placeAnswer = z.object({ callId: z.string().regex(/^[\w-]{1,64}$/) });
/** Of a call that is not over, or not yet filed, there is no record. */
export const recordAnswer = z.object({ callNotify: z.record(z.string(), z.unknown()).nullish() });
export const anyAnswer = z.object({});

type Refusal = { kind: ErrorKind; cause: ErrorCause; effect?: Effect };
const credentials: Refusal = { kind: "unauthorized", cause: "credentials" };
const app: Refusal = { kind: "refused", cause: "instance" };
const agent: Refusal = { kind: "refused", cause: "agent" };
const customer: Refusal = { kind: "refused", cause: "number" };
const shownNumber: Refusal = { kind: "refused", cause: "shown-number" };
const parameter: Refusal = { kind: "refused", cause: "parameter" };
const unknownCall: Refusal = { kind: "refused", cause: "not-found" };

/** The page "global error codes": first to last code of each meaning. */
const refusals: readonly (readonly [number, number, Refusal])[] = [
  // "Unknown error": the provider itself does not say that nothing was done.
  [900000, 900000, { kind: "garbled", cause: "server", effect: "unknown" }],
  [900001, 900097, { kind: "refused", cause: "server" }],
  [900098, 900098, parameter],
  [900099, 900099, { kind: "refused", cause: "unsupported" }],
  [900100, 900111, credentials],
  [900112, 900116, app],
  [900117, 900117, { kind: "refused", cause: "balance" }],
  [900122, 900122, app],
  [900123, 900123, { kind: "limited", cause: "other" }],
  [900200, 900201, agent],
  [900202, 900203, customer],
  [900204, 900208, shownNumber],
  [900209, 900210, parameter],
  [900213, 900213, unknownCall],
  [900216, 900216, parameter],
  [900217, 900217, unknownCall],
  [900218, 900218, parameter],
  [900219, 900219, unknownCall],
  [900220, 900220, agent],
  [900221, 900221, { kind: "compliance", cause: "blacklist" }],
  [900222, 900223, shownNumber],
  [900224, 900224, { kind: "limited", cause: "rate" }],
  [900300, 900399, app],
  [900400, 900499, { kind: "refused", cause: "unsupported" }],
];

export function openWire(config: E9Config, tools: ChannelTools) {
  const account = `${config.baseUrl.replace(/\/+$/, "")}/${softVersion}/Accounts/${config.accountSid}`;

  async function exchange(path: string, body: unknown, signal: AbortSignal): Promise<Answer> {
    const { sig, authorization } = sign(config, tools.now());
    const headers = {
      accept: "application/json",
      "content-type": "application/json;charset=utf-8",
      authorization,
    };
    const url = `${account}/${path}?sig=${sig}`;
    return send(tools.fetch, { method: "POST", url, headers, body: JSON.stringify(body) }, signal);
  }

  return {
    /** Resolves only on the code for success and the expected form. */
    async ask<T>(path: string, body: unknown, form: z.ZodType<T>, signal: AbortSignal): Promise<T> {
      const answer = await exchange(path, body, signal);
      const coded = codedAnswer.safeParse(parse(answer));
      if (!coded.success) throw garbled(`http-${answer.status}`);
      const { resp } = coded.data;
      if (resp.statusCode !== success) throw refusal(resp.statusCode);
      if (answer.status !== 200) throw garbled(`http-${answer.status}`);
      const formed = form.safeParse(resp);
      if (!formed.success) throw garbled("form");
      return formed.data;
    },
    async openRecording(ref: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
      const url = recordingUrl(ref, config);
      const answer = await open(tools.fetch, { method: "GET", url }, signal);
      // An error page is no sound.
      const isText = /json|xml|text/i.test(answer.headers.get("content-type") ?? "");
      if (answer.status === 200 && !isText) return answer.body;
      await answer.body.cancel();
      const code = `http-${answer.status}`;
      if (answer.status === 404) throw new ChannelError({ ...unknownCall, effect: "none", code });
      if (answer.status === 401 || answer.status === 403)
        throw new ChannelError({ ...credentials, effect: "none", code });
      throw garbled(code);
    },
  };
}

/** The address comes from a push, and what it is given opens every recording of the account: our hosts or none. */
function recordingUrl(ref: string, config: E9Config): string {
  const url = URL.parse(ref);
  const isOurs =
    url !== null &&
    (url.origin === new URL(config.baseUrl).origin ||
      url.hostname === config.recordingHost ||
      url.hostname.endsWith(`.${config.recordingHost}`));
  if (!isOurs || !/^https?:$/.test(url.protocol)) {
    throw new ChannelError({ kind: "refused", effect: "none", cause: "parameter", code: "recording-host" });
  }
  url.searchParams.set("auth", recordingAuth(config));
  return url.href;
}

function parse(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text());
  } catch {
    return null;
  }
}

/** Any code but success is the provider's own no: a call that it starts gets a success and an id. */
function refusal(code: string): ChannelError {
  const number = Number(code);
  const [, , known] = refusals.find(([first, last]) => first <= number && number <= last) ?? [];
  return new ChannelError({ kind: "refused", cause: "other", effect: "none", ...known, code });
}

function garbled(code: string): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
}
