/** Which line takes over from one that did not place a call. */
import type { Merge } from "../domain/merge.ts";
import type { Ledger } from "../limits/ledger.ts";
import { type Limit, limitsOf } from "../limits/limit.ts";
import type { Line } from "../lines/directory.ts";
import type { CallContext } from "./context.ts";
import { thenOf } from "./failover.ts";
import type { NextAttempt, Settling } from "./outcome.ts";
import type { LockedCall } from "./record.ts";

/** What an outcome that lets another line try may give back, and what that line may take. */
export function limitsTouched(
  { line, lines, settings, outcome }: Settling,
  call: LockedCall | undefined,
  now: Date,
): Limit[] {
  if (call === undefined || outcome.is === "placed" || outcome.is === "unknown") return [];
  const tried = line === null ? [] : [line];
  return [...tried, ...untried(call, lines)].flatMap((one) => limitsOf(one, call, settings, now));
}

const sameLineAfterMs = 1_000;
const sameLineMax = 3;

/** The next line that has room, while the request's own time lasts and nobody asked to hang up. */
export function nextAttempt(
  ctx: CallContext,
  ledger: Ledger,
  { line, lines, settings, outcome, tenant }: Settling,
  call: LockedCall,
  now: Date,
): NextAttempt | null {
  if (now.getTime() >= call.placeBy) return null;
  if (["0.hangup-asked", "0.exhausted", "0.given-up"].some((key) => call.merge[key] !== undefined)) return null;
  const then = outcome.is === "refused" ? thenOf(outcome.error) : "next-line";
  if (then === "stop" || then === "ask-first") return null;
  const number = Math.max(0, ...attemptsOf(call.merge).map((one) => one.number)) + 1;
  // Where the line was passed over, no request has left: there is nothing to save.
  const again = number > 1 && outcome.is !== "withdrawn";
  if (again && !ctx.retries.has(tenant)) return null;
  const room = (one: NextAttempt): boolean => ledger.take(limitsOf(one.line, call, settings, now), one.sent) === null;
  const others = usable(ctx, untried(call, lines)).map((other) => ({ line: other, number, sent: now }));
  const isFree = then === "same-line-later" || outcome.is === "withdrawn";
  const later = isFree ? sameLineLater(line, number, call, now) : [];
  const next = [...others, ...later].find(room) ?? null;
  if (again && next !== null) ctx.retries.spend(tenant);
  return next;
}

function sameLineLater(line: Line | null, number: number, call: LockedCall, now: Date): NextAttempt[] {
  if (line === null || now.getTime() + sameLineAfterMs >= call.placeBy) return [];
  const times = attemptsOf(call.merge).filter((one) => one.lineId === line.id).length;
  return times >= sameLineMax ? [] : [{ line, number, sent: new Date(now.getTime() + sameLineAfterMs) }];
}

function attemptsOf(merge: Merge): { number: number; lineId: number }[] {
  return Object.entries(merge).flatMap(([key, winner]) => {
    const [attempt, field] = key.split(".");
    const { lineId } = winner[3];
    return field === "sent" && lineId !== undefined ? [{ number: Number(attempt), lineId }] : [];
  });
}

/** Those that are well; where none is, sick ones whose failures are definite. Nobody has a lease for a trial here. */
function usable(ctx: CallContext, lines: readonly Line[]): Line[] {
  const seen = lines.map((line) => ({ line, health: ctx.health.viewOf(line.id) }));
  const well = seen.filter(({ health }) => health.state === "up" || health.state === "degraded");
  const sick = seen.filter(({ health }) => health.state === "down" && !health.uncertain);
  return (well.length > 0 ? well : sick).map(({ line }) => line);
}

/** The call's candidates that have not been tried, in their order. */
function untried(call: LockedCall, lines: readonly Line[]): Line[] {
  const tried = new Set(attemptsOf(call.merge).map((one) => one.lineId));
  return call.candidates
    .flatMap((id) => lines.find((one) => one.id === id && one.active && !one.archived) ?? [])
    .filter((line) => !tried.has(line.id));
}
