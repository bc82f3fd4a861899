import type { CallEvent } from "../../channels/contract.ts";
import type { Context } from "../context.ts";
import { type Fact, type FactValue, fact } from "../domain/fact.ts";
import { scrub } from "../log.ts";

/**
 * Turns what a provider told into a fact of an attempt. An event without the provider's time takes the delivery's,
 * as an estimate. Raw words are cut and scrubbed: a provider that lies must not put a number into our columns.
 */
export function factOf(ctx: Context, tenant: string, attempt: number, event: CallEvent, received: Date): Fact {
  const at = (event.at ?? received).getTime();
  const value: FactValue = {};
  if (event.chState !== undefined) value.chState = word(event.chState, 32);
  switch (event.kind) {
    case "calling":
    case "ringing":
    case "answered":
    case "connected":
    case "cdr":
      break;
    case "ended":
      Object.assign(value, { closeType: event.closeType, cause: event.cause, raw: word(event.raw, 64) });
      break;
    case "recording":
      return recordingFact(ctx, tenant, attempt, event, at, value);
    case "cost":
      Object.assign(value, { amount: word(event.amount, 32), currency: word(event.currency, 8) });
      break;
    case "unrecognized":
      value.raw = word(event.raw, 64);
      break;
    default:
      event satisfies never;
  }
  const leg = "leg" in event ? event.leg : null;
  return fact({ attempt, kind: event.kind, leg, at, authority: event.at === null ? 1 : event.authority, value });
}

/** The reference may hold a number or a signature: the hash is of the plain text, what is kept is sealed. */
function recordingFact(
  ctx: Context,
  tenant: string,
  attempt: number,
  event: Extract<CallEvent, { kind: "recording" }>,
  at: number,
  value: FactValue,
): Fact {
  if (event.durationSeconds !== undefined) value.durationSeconds = whole(event.durationSeconds, 2 ** 31 - 1);
  if (event.sizeBytes !== undefined) value.sizeBytes = whole(event.sizeBytes, Number.MAX_SAFE_INTEGER);
  const authority = event.at === null ? 1 : event.authority;
  const told = { attempt, kind: event.kind, leg: null, at, authority } as const;
  const { hash } = fact({ ...told, value: { ...value, recordingRef: event.recordingRef } });
  return { ...told, hash, value: { ...value, recordingRef: ctx.seal.text(tenant, event.recordingRef) } };
}

/** As the column holds it: what a provider writes with fractions must not cost the rest of its CDR. */
function whole(amount: number, max: number): number {
  return Number.isNaN(amount) ? 0 : Math.min(max, Math.max(0, Math.round(amount)));
}

function word(text: string, max: number): string {
  return scrub(text.replaceAll("\0", "")).slice(0, max);
}
