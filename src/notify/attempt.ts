import type { Context } from "../context.ts";
import { GuardError } from "../guard/error.ts";
import type { Guard } from "../guard/guard.ts";
import { scrub } from "../log.ts";
import { readRetryAfter } from "./retry.ts";
import { liveSecrets, type Secret, signatures } from "./secret.ts";

export const requestDeadlineMs = 10_000;
const answerBytesMax = 64 * 1024;
const answerKeptBytes = 1_024;
const headers = { "content-type": "application/json", accept: "*/*", "user-agent": "Hualu-Webhooks/1" } as const;

/** One try, as people see it afterwards. */
export interface Attempt {
  at: string;
  /** How long it took, in milliseconds. */
  latency: number;
  /** Null where no answer came. */
  status: number | null;
  /** `status`, `redirect`, or what kept an answer from coming; null where it was delivered. */
  error: string | null;
  /** Its detail from a closed list, never foreign text. */
  code: string | null;
  /** The beginning of the answer, without anything that reads like a number. */
  answer: string;
}

export interface Outcome {
  attempt: Attempt;
  delivered: boolean;
  retryAfterMs: number | null;
  gone: boolean;
}

export interface Destination {
  url: string;
  secrets: readonly Secret[];
}

/** Signs and sends once. Null where it was broken off by us: nothing is known, and it counts as no try. */
export async function attempt(
  ctx: Context,
  send: Guard["send"],
  { url, secrets }: Destination,
  event: { id: string; body: string },
  signal: AbortSignal,
): Promise<Outcome | null> {
  const began = ctx.clock.now();
  const timestamp = Math.floor(began.getTime() / 1_000);
  const outgoing = {
    method: "POST",
    url,
    headers: {
      ...headers,
      "webhook-id": event.id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": signatures(liveSecrets(secrets, began), event.id, timestamp, event.body),
    },
    body: event.body,
    deadlineMs: requestDeadlineMs,
    answerBytesMax,
  };
  const tried = (over: Partial<Attempt>): Attempt => ({
    at: began.toISOString(),
    latency: Math.round(ctx.clock.now().getTime() - began.getTime()),
    status: null,
    error: null,
    code: null,
    answer: "",
    ...over,
  });
  try {
    const { status, headers: answered, body } = await send(outgoing, signal);
    const answer = readable(body);
    const delivered = status >= 200 && status < 300;
    const attempt = tried({ status, answer, error: delivered ? null : errorOf(status) });
    return { attempt, delivered, retryAfterMs: retryAfterOf(status, answered, ctx), gone: status === 410 };
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    if (error.kind === "aborted") return null;
    const attempt = tried({ error: error.kind, code: error.code });
    return { attempt, delivered: false, retryAfterMs: null, gone: false };
  }
}

/** Redirects are not followed: the address that was checked is the one that is told. */
function errorOf(status: number): string {
  return status >= 300 && status < 400 ? "redirect" : "status";
}

function retryAfterOf(status: number, answered: Headers, ctx: Context): number | null {
  return status === 429 || status === 503 ? readRetryAfter(answered.get("retry-after"), ctx.clock.now()) : null;
}

/** Five digits in a row, however they are written or separated, may be part of somebody's number. */
const digits = /\p{Nd}(?:[\s().\-\u2010-\u2015]{0,2}\p{Nd}){4,}/gu;

function readable(body: Buffer): string {
  if (body.length === 0) return "";
  const text = new TextDecoder().decode(body.subarray(0, answerKeptBytes));
  // Secrets first: digits taken out of one would hide the rest of it.
  return scrub(text.replace(/\p{Cc}+/gu, " "))
    .replace(digits, "***")
    .slice(0, answerKeptBytes);
}
