import type { ChannelError, PhoneNumber } from "../../channels/contract.ts";
import { type Fact, type FactKind, type FactValue, fact } from "../domain/fact.ts";
import type { Merge } from "../domain/merge.ts";
import { storedPhone } from "../domain/phone.ts";
import { project } from "../domain/record.ts";
import type { Ledger } from "../limits/ledger.ts";
import { limitsOf } from "../limits/limit.ts";
import type { Line } from "../lines/directory.ts";
import { scrub } from "../log.ts";
import { sentFact } from "./attempt.ts";
import type { CallContext } from "./context.ts";
import { nextAttempt } from "./next.ts";
import type { NextAttempt, Outcome, Settling } from "./outcome.ts";
import type { LockedCall } from "./record.ts";

/** What follows from one outcome. */
export interface Followed extends Settling {
  call: LockedCall;
  facts: Fact[];
  next: NextAttempt | null;
  /** When the provider is asked next. */
  due: Date | null;
}

/** Null where nothing does: there is no such call, or it has gone on since. */
export function follows(
  ctx: CallContext,
  ledger: Ledger,
  settling: Settling,
  call: LockedCall | undefined,
  now: Date,
): Followed | null {
  if (call === undefined) return null;
  const { line, number, outcome } = settling;
  const tell = (attempt: number, kind: FactKind, value: FactValue, authority: 0 | 2 = 0): Fact =>
    fact({ attempt, kind, leg: null, at: now.getTime(), authority, value });
  const moving = (): Pick<Followed, "facts" | "next"> => {
    const next = nextAttempt(ctx, ledger, settling, call, now);
    if (next === null) return { facts: [tell(0, "exhausted", {})], next };
    const shown = displayNumberOf(ctx, call) ?? next.line.shownNumber;
    return { facts: [sentFact(ctx, next.line, next.number, next.sent, shown)], next };
  };
  if (outcome.is === "queued") {
    const { queuedUntil } = project(call.merge, call);
    if (queuedUntil === null) return null;
    const moved = moving();
    const isWanted = call.merge["0.hangup-asked"] === undefined;
    // Not yet its turn.
    if (moved.next === null && isWanted && now.getTime() < queuedUntil) return null;
    return { ...settling, ...moved, call, due: null };
  }
  const sentAt = call.merge[`${number}.sent`]?.[1];
  if (sentAt === undefined || line === null) return null;
  const due = nextAsk(line, call, outcome, sentAt, now);
  if (outcome.is === "placed") {
    return { ...settling, call, facts: [tell(number, "placed", { ...outcome.placement }, 2)], next: null, due };
  }
  if (outcome.is === "unknown") {
    return { ...settling, call, facts: [tell(number, "unknown", toldOf(outcome.error))], next: null, due };
  }
  // A provider that reports a call has it, whatever its answer said; and one no is followed by one next line.
  const dialed = outcome.is === "never-dialed" ? legHeard(call.merge, number) : heardOf(call.merge, number);
  if (settledBefore(call.merge, number)) return null;
  if (dialed)
    return outcome.is === "never-dialed" ? { ...settling, call, facts: [outcome.end], next: null, due } : null;
  ledger.giveBack(limitsOf(line, call, settling.settings, now), new Date(sentAt));
  const moved = moving();
  if (outcome.is === "never-dialed") {
    // Where no line is left, the provider's own report ends the call.
    if (moved.next === null) return { ...settling, call, facts: [outcome.end], next: null, due };
    const told = {
      errorKind: "refused",
      errorCause: "other",
      ...(outcome.end.value.raw && { raw: outcome.end.value.raw }),
    } as const;
    return { ...settling, ...moved, call, facts: [tell(number, "refused", told), ...moved.facts], due };
  }
  const own = outcome.is === "refused" ? tell(number, "refused", toldOf(outcome.error)) : tell(number, "absent", {});
  return { ...settling, ...moved, call, facts: [own, ...moved.facts], due };
}

function toldOf(error: ChannelError): FactValue {
  const raw = codeOf(error);
  return { errorKind: error.kind, errorCause: error.cause, ...(raw && { raw }) };
}

/** True when any news of an attempt has come: then it exists at the provider. */
export function heardOf(merge: Merge, attempt: number): boolean {
  const ours = new Set(["sent", "unknown", "refused", "absent"]);
  const prefix = `${attempt}.`;
  return Object.keys(merge).some((key) => key.startsWith(prefix) && !ours.has(key.slice(prefix.length)));
}

function settledBefore(merge: Merge, attempt: number): boolean {
  return merge[`${attempt}.refused`] !== undefined || merge[`${attempt}.absent`] !== undefined;
}

/** True when either phone has been dialed, or may have been. */
export function legHeard(merge: Merge, attempt: number): boolean {
  const legs = ["a.calling", "a.ringing", "a.answered", "b.calling", "b.ringing", "b.answered", "connected", "cdr"];
  return legs.some((field) => merge[`${attempt}.${field}`] !== undefined);
}

/** Scrubbed: a provider that lies must not put a number into our columns, nor a byte that the database refuses. */
export function codeOf(error: ChannelError | null): string | null {
  return error?.code == null ? null : scrub(error.code.replaceAll("\0", "").toWellFormed());
}

/** The number that the request asked to be shown, whichever line places the call. */
function displayNumberOf(ctx: CallContext, { tenant, displayNumberSealed: sealed }: LockedCall): PhoneNumber | null {
  return sealed === null ? null : storedPhone(ctx.seal.open(tenant, sealed));
}

/** When the provider is asked next about a call that it has, or may have. */
function nextAsk(line: Line, call: LockedCall, outcome: Outcome, sentAt: number, now: Date): Date | null {
  const { definition, config } = line;
  if (outcome.is === "unknown") {
    const settled = sentAt + definition.lookup(config).settleAfterMs;
    return new Date(Math.max(settled, now.getTime()));
  }
  if (outcome.is !== "placed") return null;
  if (definition.polled(config)) return new Date(now.getTime() + definition.quota(config).followEveryMs);
  return new Date(silentAt(sentAt, call.ringTimeoutSeconds));
}

/** A call without an answered fact is asked for after twice its ring timeout and 30 s. Epoch milliseconds. */
export function silentAt(sentAt: number, ringTimeoutSeconds: number): number {
  return sentAt + 2 * ringTimeoutSeconds * 1000 + 30_000;
}
