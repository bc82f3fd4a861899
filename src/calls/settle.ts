import { type SQL, sql } from "drizzle-orm";
import type { ChannelError, PhoneNumber, Placement } from "../../channels/contract.ts";
import type { Query } from "../../db/client.ts";
import { type Fact, type FactKind, type FactValue, fact } from "../domain/fact.ts";
import { refusalStopsCall } from "../domain/hangup.ts";
import type { Merge } from "../domain/merge.ts";
import { storedPhone } from "../domain/phone.ts";
import type { Line } from "../lines/directory.ts";
import { scrub } from "../log.ts";
import { requeueWaiting } from "../parked/park.ts";
import { type AttemptRef, insertAttempt, sentFact } from "./attempt.ts";
import type { CallContext } from "./context.ts";
import { applyNews, type LockedCall, lockCalls } from "./record.ts";

/** How an attempt came out: the provider's yes, its no, nobody knows, or a proof that there is no such call. */
export type Outcome =
  | { is: "placed"; placement: Placement }
  | { is: "refused"; error: ChannelError }
  | { is: "unknown"; error: ChannelError }
  | { is: "absent" };

export interface Settled {
  /** The next attempt, written as sent in the same commit; its request must leave now. */
  next: { line: Line; number: number } | null;
  hangupAsked: boolean;
}

/**
 * Writes how an attempt came out and, in the same transaction, what follows from it: after a definite no the next
 * line's attempt, or the end of the call; after a yes the provider's id, and the news that waited for it.
 */
export async function settle(ctx: CallContext, line: Line, ref: AttemptRef, outcome: Outcome): Promise<Settled> {
  const lines = await ctx.directory.linesOf(line.tenant);
  const now = ctx.clock.now();
  const done = await ctx.db.tx(async (q) => {
    // The call's lock first, then the id's: they leave in this order, and neither waits for the other's answer.
    const [locked] = await Promise.all([
      lockCalls(q, [ref.callId]),
      outcome.is === "placed" ? storeProviderId(q, line, ref, outcome.placement) : null,
    ]);
    const call = locked.get(ref.callId);
    const sentAt = call?.merge[`${ref.number}.sent`]?.[1];
    if (call === undefined || sentAt === undefined) return null;
    const facts: Fact[] = [];
    const add = (attempt: number, kind: FactKind, value: FactValue, authority: 0 | 2 = 0): void =>
      void facts.push(fact({ attempt, kind, leg: null, at: now.getTime(), authority, value }));
    const error = "error" in outcome ? outcome.error : null;
    const raw = codeOf(error);
    const told = error === null ? {} : { errorKind: error.kind, errorCause: error.cause, ...(raw && { raw }) };
    let next: Settled["next"] = null;
    switch (outcome.is) {
      case "placed":
        add(ref.number, "placed", { ...outcome.placement }, 2);
        break;
      case "unknown":
        add(ref.number, "unknown", told);
        break;
      case "refused":
      case "absent": {
        // A provider that reports a call has it, whatever its answer said; and one no is followed by one next line.
        if (heardOf(call.merge, ref.number) || settledBefore(call.merge, ref.number)) {
          return { changes: [], next, hangupAsked: false };
        }
        add(ref.number, outcome.is, told);
        const stop = outcome.is === "refused" && refusalStopsCall(outcome.error.kind, outcome.error.cause);
        next = stop ? null : nextAttempt(call, lines, now);
        if (next === null) add(0, "exhausted", {});
        else {
          const shown = displayNumberOf(ctx, call) ?? next.line.shownNumber;
          facts.push(sentFact(ctx, next.line, next.number, now, shown));
          await insertAttempt(q, next.line, { callId: ref.callId, number: next.number }, now);
        }
      }
    }
    const news = { tenant: line.tenant, callId: ref.callId, facts, received: now, deliveryId: null };
    const [changes] = await Promise.all([
      applyNews(ctx, q, locked, [news]),
      writeAttempt(q, ref, outcome, now, nextAsk(line, call, outcome, sentAt, now)),
    ]);
    return { changes, next, hangupAsked: call.merge["0.hangup-asked"] !== undefined };
  });
  if (done === null) return { next: null, hangupAsked: false };
  ctx.told(done.changes);
  if (outcome.is === "placed") ctx.wakeDrain();
  return done;
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

/** The first candidate that has not been tried, while the request's own time lasts and nobody asked to hang up. */
function nextAttempt(call: LockedCall, lines: readonly Line[], now: Date): Settled["next"] {
  if (now.getTime() >= call.placeBy) return null;
  if (["0.hangup-asked", "0.exhausted", "0.given-up"].some((key) => call.merge[key] !== undefined)) return null;
  const tried = new Map<number, number>();
  for (const [key, winner] of Object.entries(call.merge)) {
    const [attempt, field] = key.split(".");
    if (field === "sent" && winner[3].lineId !== undefined) tried.set(winner[3].lineId, Number(attempt));
  }
  for (const id of call.candidates) {
    const line = lines.find((one) => one.id === id && one.active && !one.archived);
    if (line !== undefined && !tried.has(id)) return { line, number: Math.max(0, ...tried.values()) + 1 };
  }
  return null;
}

/** Storing an id and parking for it first take the same lock, so that no news stays parked whose call is known. */
async function storeProviderId(q: Query, line: Line, ref: AttemptRef, placement: Placement): Promise<void> {
  const lock = `${line.accountId}:${placement.providerCallId}`;
  // Each begins at once, in this order. A bare `q.execute` would begin only when awaited, behind the last of them.
  const begin = async (statement: SQL): Promise<void> => void (await q.execute(statement));
  await Promise.all([
    begin(sql`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`),
    begin(sql`
      update call_attempts set provider_call_id = ${placement.providerCallId}, provider_job_id = ${placement.providerJobId}
      where call_id = ${ref.callId} and number = ${ref.number}`),
    requeueWaiting(q, line.accountId, [placement.providerCallId]),
  ]);
}

async function writeAttempt(q: Query, ref: AttemptRef, outcome: Outcome, now: Date, due: Date | null): Promise<void> {
  const error = "error" in outcome ? outcome.error : null;
  const open = outcome.is === "placed" || outcome.is === "unknown";
  await q.execute(sql`
    update call_attempts set outcome = ${outcome.is}, settled = ${now.toISOString()}, error_kind = ${error?.kind ?? null},
      error_cause = ${error?.cause ?? null}, error_code = ${codeOf(error)}, open = open and ${open},
      follow_due = case when open and ${open} then ${due?.toISOString() ?? null}::timestamptz end
    where call_id = ${ref.callId} and number = ${ref.number}`);
}

/** Scrubbed: a provider that lies must not put a number into our columns, nor a byte that the database refuses. */
function codeOf(error: ChannelError | null): string | null {
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
