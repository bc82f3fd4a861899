/** A provider that took a call and then reports that it dialed nobody: another line may try, inside the dial's time. */
import type { CallEvent } from "../../channels/contract.ts";
import type { Query } from "../../db/client.ts";
import type { CallContext, RecordChange } from "../calls/context.ts";
import { drive } from "../calls/drive.ts";
import { legHeard } from "../calls/follows.ts";
import { planOf } from "../calls/order.ts";
import type { NextAttempt, Settling } from "../calls/outcome.ts";
import type { LockedCall } from "../calls/record.ts";
import { settleAll } from "../calls/settle.ts";
import { factOf } from "./facts.ts";
import type { Match } from "./match.ts";
import type { Claimed } from "./queue.ts";

/** An event with the attempt that it is about. */
export interface Told {
  delivery: Claimed;
  event: CallEvent;
  match: Match;
}

/** A call that has moved on: its next attempt stands as sent. */
export interface Moved {
  callId: string;
  next: NextAttempt;
}

/** Settles what proves that nobody was dialed; `rest` is news as any other. */
export async function moveUndialed(
  ctx: CallContext,
  q: Query,
  matched: readonly Told[],
  locked: ReadonlyMap<string, LockedCall>,
): Promise<{ changes: RecordChange[]; moved: Moved[]; rest: Told[] }> {
  const undialed = proofs(ctx, matched, locked);
  if (undialed.length === 0) return { changes: [], moved: [], rest: [...matched] };
  const all = undialed.map((one) => settling(ctx, one, locked.get(one.match.callId)));
  const { settled, changes } = await settleAll(ctx, q, all, locked);
  const moved = undialed.flatMap(({ match }, index) => {
    const next = settled[index]?.next ?? null;
    return next === null ? [] : { callId: match.callId, next };
  });
  return { changes, moved, rest: matched.filter((one) => !undialed.includes(one)) };
}

/** Ends that prove that nobody was dialed, of attempts of which nothing else has been heard: another line may try. */
function proofs(ctx: CallContext, matched: readonly Told[], locked: ReadonlyMap<string, LockedCall>): Told[] {
  const told = matched.filter(({ delivery, event }) => {
    const [line] = ctx.directory.lastKnown(delivery.accountId) ?? [];
    if (event.kind !== "ended" || line === undefined) return false;
    const { neverDialed, cdrShowsDialing = false } = line.definition;
    const inCdr = matched.some((one) => one.delivery === delivery && one.event.kind === "cdr");
    return neverDialed.includes(event.raw) || (cdrShowsDialing && inCdr);
  });
  return told.filter(({ match }, index) => {
    const call = locked.get(match.callId);
    const first = told.findIndex((one) => one.match.callId === match.callId) === index;
    const rang = matched.some(({ event, match: other }) => {
      return other.callId === match.callId && other.number === match.number && "leg" in event;
    });
    return first && call !== undefined && !rang && !legHeard(call.merge, match.number);
  });
}

function settling(ctx: CallContext, { delivery, event, match }: Told, call: LockedCall | undefined): Settling {
  const { tenant, callId, number } = match;
  const lines = ctx.directory.lastLinesOf(tenant);
  const lineId = call?.merge[`${number}.sent`]?.[3].lineId;
  const line = lines.find((one) => one.id === lineId) ?? null;
  const end = factOf(ctx, tenant, number, event, delivery.received);
  const settings = ctx.lastSettingsOf(tenant);
  return { tenant, callId, number, line, outcome: { is: "never-dialed", end }, lines, settings };
}

/** The next attempt stands as sent: its request leaves now. */
export async function driveOn(ctx: CallContext, { callId, next }: Moved): Promise<void> {
  const plan = await planOf(ctx, callId);
  if (plan !== null) void drive(ctx, plan, next);
}
