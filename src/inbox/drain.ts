import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { isDataError, rows, textArray } from "../../db/sql.ts";
import type { CallContext, RecordChange } from "../calls/context.ts";
import { hangUpLate } from "../calls/hangup.ts";
import { applyNews, lockCalls, type News } from "../calls/record.ts";
import { fact } from "../domain/fact.ts";
import { lockProviderIds, type Parked, park, unpark } from "../parked/park.ts";
import { factOf } from "./facts.ts";
import { heardOf } from "./heard.ts";
import { matchCalls } from "./match.ts";
import { type Claimed, claim, requeue, withdraw } from "./queue.ts";
import { UnknownAccounts, understand } from "./understand.ts";
import { driveOn, type Moved, moveUndialed, type Told } from "./undialed.ts";

/** What a drain has done; counted for the health of the callback log. */
export interface Drained {
  deliveries: number;
  events: number;
  unmatched: number;
  malformed: number;
  unrecognized: number;
}

export const batchMax = 300;
const silentAgainMs = 60_000;

/**
 * Handles one batch of the inbox in one transaction: read, normalize, match, merge, park what fits nowhere. Any number
 * of drains may run at once. A batch that the database refuses for its data is halved; what is left alone at fault is
 * parked. Returns null when the inbox is empty.
 */
export async function drainOnce(ctx: CallContext, limit = batchMax): Promise<Drained | null> {
  const claimed: Claimed[] = [];
  try {
    const done = await ctx.db.tx(async (q) => {
      claimed.push(...(await claim(ctx, q, limit)));
      return drainBatch(ctx, q, claimed);
    });
    if (done === null) return null;
    ctx.told(done.changes);
    ctx.health.heard(heardOf(done.matched, done.changes));
    for (const one of done.unwanted) hangUpProven(ctx, one);
    for (const one of done.moved) await driveOn(ctx, one);
    return done.drained;
  } catch (error) {
    if (error instanceof UnknownAccounts) {
      for (const id of error.accountIds) await ctx.directory.accountLines(id);
      return drainOnce(ctx, limit);
    }
    const [first] = claimed;
    if (first === undefined || !isDataError(error)) throw error;
    ctx.log.warn({ code: error.code, count: claimed.length }, "a batch of deliveries was refused by the database");
    return claimed.length > 1 ? drainOnce(ctx, claimed.length >> 1) : setAside(ctx, first, error.code);
  }
}

async function drainBatch(ctx: CallContext, q: Query, claimed: readonly Claimed[]): Promise<Handled | null> {
  if (claimed.length === 0) return null;
  const read = understand(ctx, claimed);
  const told = read.flatMap(({ claimed: delivery, events }) => events.map((event) => ({ delivery, event })));
  const matches = await matchCalls(
    ctx,
    q,
    told.map(({ delivery, event }) => ({ tenant: delivery.tenant, accountId: delivery.accountId, ref: event.ref })),
  );
  const matched: Told[] = [];
  const unmatched = new Map<string, Parked>();
  for (const [index, { delivery, event }] of told.entries()) {
    const match = matches[index];
    if (match != null) matched.push({ delivery, event, match });
    else
      unmatched.set(
        keyOf(delivery),
        aside(delivery, "unmatched", "no call of this account fits", event.ref.providerCallId),
      );
  }
  const malformed = read.filter((one) => one.defect !== null);
  for (const one of malformed) unmatched.set(keyOf(one.claimed), aside(one.claimed, "malformed", one.defect ?? ""));
  // Locks are always taken in this order: calls by id, then provider ids by hash.
  const locked = await lockCalls(
    q,
    matched.map(({ match }) => match.callId),
  );
  const learned = newIds(matched);
  const waiting = [...unmatched.values()].filter((one) => one.waitsFor !== null);
  await lockProviderIds(q, [
    ...learned.map(({ delivery, event }) => ({ ...delivery, providerCallId: event.ref.providerCallId ?? "" })),
    ...waiting.map((one) => ({ ...one, providerCallId: one.waitsFor ?? "" })),
  ]);
  await storeProviderIds(q, learned, ctx.clock.now());
  const { changes, moved, rest } = await moveUndialed(ctx, q, matched, locked);
  const tellsId = new Set(learned);
  const news = rest.map((one) => newsOf(ctx, one, tellsId.has(one)));
  changes.push(...(await applyNews(ctx, q, locked, news)));
  const known = await knownMeanwhile(q, waiting);
  await park(
    q,
    [...unmatched.values()].filter((one) => !known.has(keyOf(one))),
    ctx.clock.now(),
  );
  await requeue(
    q,
    [...unmatched.values()].filter((one) => known.has(keyOf(one))),
  );
  await unpark(
    q,
    claimed.filter((one) => !unmatched.has(keyOf(one))),
  );
  for (const change of changes) {
    if (change.doubled) ctx.log.error({ callId: change.callId }, "two attempts of one call reached a phone");
  }
  return {
    changes,
    moved,
    matched,
    unwanted: learned.filter(({ match }) => locked.get(match.callId)?.merge["0.hangup-asked"] !== undefined),
    drained: {
      deliveries: claimed.length,
      events: matched.length,
      unmatched: unmatched.size - malformed.length,
      malformed: malformed.length,
      unrecognized: told.filter(({ event }) => event.kind === "unrecognized").length,
    },
  };
}

/** What a drain leaves to be done after its commit. */
interface Handled {
  drained: Drained;
  changes: RecordChange[];
  moved: Moved[];
  matched: Told[];
  unwanted: Told[];
}

/** The app asked to hang up before any news proved that the call was placed. The drain does not wait for it. */
function hangUpProven(ctx: CallContext, { delivery, event, match }: Told): void {
  const { providerCallId, providerJobId } = event.ref;
  const [line] = ctx.directory.lastKnown(delivery.accountId) ?? [];
  if (line === undefined || providerCallId === undefined) return;
  const placement = { providerCallId, providerJobId: providerJobId ?? null };
  const asked = hangUpLate(ctx, line, match, placement).finally(() => ctx.underway.delete(asked));
  ctx.underway.add(asked);
}

function keyOf(one: { day: string; id: number }): string {
  return `${one.day}/${one.id}`;
}

function aside(delivery: Claimed, reason: Parked["reason"], detail: string, waitsFor?: string): Parked {
  const { day, id, tenant, accountId } = delivery;
  return { day, id, tenant, accountId, reason, detail, waitsFor: waitsFor?.slice(0, 256) ?? null };
}

/** Events that tell the provider's id of an attempt whose placement never told it: each id once. */
function newIds(matched: readonly Told[]): Told[] {
  const first = new Map<string, Told>();
  for (const one of matched) {
    const { match, event } = one;
    if (match.providerCallId !== null || event.ref.providerCallId === undefined) continue;
    const attempt = `${match.callId}.${match.number}`;
    if (!first.has(attempt)) first.set(attempt, one);
  }
  return [...first.values()];
}

/** An id that news told proves the placement, as the provider's answer would have. */
async function storeProviderIds(q: Query, learned: readonly Told[], now: Date): Promise<void> {
  if (learned.length === 0) return;
  // Where the placement still waits for its answer, its own outcome will say when. If none ever comes, this does.
  const askedAfter = new Date(now.getTime() + silentAgainMs).toISOString();
  const column = (of: (one: Told) => string | number | null) => textArray(learned.map(of));
  await q.execute(sql`
    with stored as (
      update call_attempts as attempt
      set provider_call_id = news.id, provider_job_id = news.job, outcome = 'placed',
        follow_due = coalesce(attempt.follow_due, ${askedAfter}::timestamptz)
      from unnest(${column(({ match }) => match.callId)}, ${column(({ match }) => match.number)},
        ${column(({ event }) => event.ref.providerCallId ?? null)}, ${column(({ event }) => event.ref.providerJobId ?? null)})
        as news(call_id, number, id, job)
      where attempt.call_id = news.call_id and attempt.number = news.number::int and attempt.provider_call_id is null
      returning attempt.account_id, attempt.provider_call_id),
    waiting as (
      update parked set due = null from stored
      where parked.account_id = stored.account_id and parked.waits_for = stored.provider_call_id
      returning parked.day, parked.id)
    insert into inbox_a (day, id) select day, id from waiting on conflict do nothing`);
}

function newsOf(ctx: CallContext, { delivery, event, match }: Told, learned: boolean): News {
  const { tenant, callId, number } = match;
  const facts = [factOf(ctx, tenant, number, event, delivery.received)];
  const { providerCallId, providerJobId } = event.ref;
  if (learned && providerCallId !== undefined) {
    const at = (event.at ?? delivery.received).getTime();
    const value = { providerCallId, providerJobId: providerJobId ?? null };
    facts.push(fact({ attempt: number, kind: "placed", leg: null, at, authority: 1, value }));
  }
  return { tenant, callId, facts, received: delivery.received, deliveryId: delivery.id };
}

/** Ids that were stored between the match and the lock: their news goes back into the queue instead of aside. */
async function knownMeanwhile(q: Query, waiting: readonly Parked[]): Promise<Set<string>> {
  if (waiting.length === 0) return new Set();
  const found = await matchIds(q, waiting);
  return new Set(waiting.filter((one) => found.has(`${one.accountId}:${one.waitsFor}`)).map(keyOf));
}

async function matchIds(q: Query, waiting: readonly Parked[]): Promise<Set<string>> {
  const found = await q.execute(sql`
    select account_id || ':' || provider_call_id as name from call_attempts
    where (account_id, provider_call_id) in (
      select account, id from unnest(${textArray(waiting.map((one) => one.accountId))},
        ${textArray(waiting.map((one) => one.waitsFor))}) as asked(account, id))`);
  return new Set(rows<{ name: string }>(found).map((row) => row.name));
}

/** The one delivery that the database refuses whatever is done: kept, and shown as malformed. */
async function setAside(ctx: CallContext, one: Claimed, code: string): Promise<Drained> {
  // Another drain may have met it as well, and been quicker: then there is nothing left to do.
  const mine = await ctx.db.tx(async (q) => {
    if (!(await withdraw(q, one))) return false;
    await park(q, [aside(one, "malformed", `the database refused it: ${code}`)], ctx.clock.now());
    return true;
  });
  return { deliveries: Number(mine), events: 0, unmatched: 0, malformed: Number(mine), unrecognized: 0 };
}
