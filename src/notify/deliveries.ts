/** What was sent to a subscription and what came of it, and sending it again. */
import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { changed, rows, textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { Refusal } from "../domain/refusal.ts";
import { monthOf } from "../outbox/append.ts";
import { callIdOf } from "../outbox/line-events.ts";
import type { Attempt } from "./attempt.ts";
import { eventIdOf, seqOf, testTopic } from "./envelope.ts";

export const deliveryStates = ["pending", "delivered", "dead"] as const;
export type DeliveryState = (typeof deliveryStates)[number];

export interface DeliveryView {
  /** The event's id. */
  id: string;
  type: string;
  callId: string | null;
  version: number;
  timestamp: string;
  state: DeliveryState;
  tries: number;
  queued: string;
  finished: string | null;
  /** When its call is taken up next; null where it is not pending. */
  due: string | null;
  attempts: Attempt[];
}

interface Row {
  seq: string | number;
  topic: string;
  call_id: string;
  version: number;
  at: string | number;
  state: DeliveryState;
  tries: number;
  queued: string | number;
  finished: string | number | null;
  due: string | number | null;
  attempts: Attempt[];
}

/** Newest first. `before`: the id that the last page ended with. */
export async function listDeliveries(
  ctx: Context,
  tenant: string,
  subscriptionId: string,
  page: { limit: number; before: string | null; state: DeliveryState | null },
): Promise<DeliveryView[]> {
  const { limit, before, state } = page;
  const found = await ctx.db.run(async (q) => {
    await ensureThere(q, tenant, subscriptionId);
    return q.execute(sql`
      select event.seq, event.topic, event.call_id, event.version, event.state, event.tries, event.attempts,
        ${epoch("event.at")} as at, ${epoch("event.queued")} as queued, ${epoch("event.finished")} as finished,
        case when event.state = 'pending' then ${epoch("lane.due")} end as due
      from notifications event left join notify_lanes lane
        on lane.subscription_id = event.subscription_id and lane.call_id = event.call_id
      where event.tenant = ${tenant} and event.subscription_id = ${subscriptionId}
        ${before === null ? sql`` : sql`and event.seq < ${seqOf(before)}::bigint`}
        ${state === null ? sql`` : sql.raw(`and event.state = '${state}'`)}
      order by event.seq desc limit ${limit}::int`);
  });
  return rows<Row>(found).map(show);
}

const epoch = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::bigint`);

async function ensureThere(q: Query, tenant: string, subscriptionId: string): Promise<{ active: boolean }> {
  const found = await q.execute(
    sql`select active from subscriptions where tenant = ${tenant} and id = ${subscriptionId}`,
  );
  const [there] = rows<{ active: boolean }>(found);
  if (there === undefined) throw new Refusal("not_found", "There is no such subscription.");
  return there;
}

function show(row: Row): DeliveryView {
  const moment = (at: string | number | null): string | null =>
    at === null ? null : new Date(Number(at)).toISOString();
  return {
    id: eventIdOf(Number(row.seq)),
    type: row.topic,
    callId: callIdOf(row.call_id),
    version: row.version,
    timestamp: new Date(Number(row.at)).toISOString(),
    state: row.state,
    tries: row.tries,
    queued: new Date(Number(row.queued)).toISOString(),
    finished: moment(row.finished),
    due: moment(row.due),
    attempts: row.attempts,
  };
}

/** How many wait and how many are dead, each counted up to 10,000. */
export async function countDeliveries(
  ctx: Context,
  subscriptionId: string,
): Promise<{ pending: number; dead: number }> {
  const counted = (state: string) =>
    sql.raw(`(select count(*) from (select 1 from notifications where subscription_id = it.id and state = '${state}'
      limit 10000) as these)::int`);
  const found = await ctx.db.run((q) =>
    q.execute(sql`
      select ${counted("pending")} as pending, ${counted("dead")} as dead from (select ${subscriptionId}::text as id) as it`),
  );
  return rows<{ pending: number; dead: number }>(found)[0] ?? { pending: 0, dead: 0 };
}

/** Queues one event again under the same id, whatever became of it. */
export async function replayDelivery(ctx: Context, tenant: string, subscriptionId: string, id: string): Promise<void> {
  const now = ctx.clock.now().toISOString();
  await ctx.db.tx(async (q) => {
    const { active } = await ensureThere(q, tenant, subscriptionId);
    if (!active) throw inactive();
    const found = await q.execute(sql`
      update notifications set state = 'pending', tries = 0, failing_since = null, finished = null, queued = ${now}::timestamptz
      where tenant = ${tenant} and subscription_id = ${subscriptionId} and seq = ${seqOf(id)}::bigint returning call_id`);
    const [event] = rows<{ call_id: string }>(found);
    if (event === undefined) throw new Refusal("not_found", "There is no such delivery.");
    await openLanes(q, tenant, subscriptionId, [event.call_id], now);
    await tryNow(q, subscriptionId, now);
  });
}

const inactive = (): Refusal => new Refusal("conflict", "The subscription is switched off: switch it on, then replay.");

/** A call that is being sent is left to its sender, who sees that more has come. */
async function openLanes(
  q: Query,
  tenant: string,
  subscriptionId: string,
  calls: readonly string[],
  now: string,
): Promise<void> {
  await q.execute(sql`
    insert into notify_lanes as lane (tenant, subscription_id, call_id, changes, since, due)
    select ${tenant}, ${subscriptionId}, call, 1, ${now}::timestamptz, ${now}::timestamptz
    from unnest(${textArray([...new Set(calls)].sort())}) as again(call) order by call
    on conflict (subscription_id, call_id) do update set changes = lane.changes + 1,
      due = case when lane.claim is null then least(lane.due, excluded.due) else lane.due end`);
}

/** Who replays believes that it works again: one request finds out at once. */
async function tryNow(q: Query, subscriptionId: string, now: string): Promise<void> {
  await q.execute(sql`
    update subscriptions set open_until = least(open_until, ${now}::timestamptz)
    where id = ${subscriptionId} and open_until is not null`);
}

export interface Range {
  from: Date;
  to: Date;
  events?: readonly string[] | undefined;
  callId?: string | undefined;
  /** The last answer's `next`. */
  cursor?: string | undefined;
}

const replayedAtOnce = 2_000;
const replayedMax = 100_000;

/**
 * Queues again what happened in a time, also what the subscription did not hear then, each under the id that it has
 * always had. `next` is where to go on where that is more than one request replays.
 */
export async function replayRange(
  ctx: Context,
  tenant: string,
  subscriptionId: string,
  range: Range,
): Promise<{ queued: number; next: string | null }> {
  const wanted = await ctx.db.run(async (q) => {
    const { active } = await ensureThere(q, tenant, subscriptionId);
    if (!active) throw inactive();
    const found = await q.execute(sql`select events from subscriptions where id = ${subscriptionId}`);
    return range.events ?? rows<{ events: string[] }>(found)[0]?.events ?? [];
  });
  let queued = 0;
  let after = readPlace(range.cursor);
  while (queued < replayedMax) {
    const batch = await replaySome(ctx, tenant, subscriptionId, { ...range, events: wanted }, after);
    if (batch === null) return { queued, next: null };
    queued += batch.queued;
    after = batch;
  }
  return { queued, next: Buffer.from(`${after.xid}.${after.seq}`).toString("base64url") };
}

interface Place {
  xid: string;
  seq: string;
}

function readPlace(cursor: string | undefined): Place {
  if (cursor === undefined) return { xid: "0", seq: "0" };
  const [, xid, seq] = /^(\d{1,19})\.(\d{1,18})$/.exec(Buffer.from(cursor, "base64url").toString("utf8")) ?? [];
  if (xid !== undefined && seq !== undefined) return { xid, seq };
  throw new Refusal("invalid", "The cursor is none of ours.", {
    fields: [{ field: "cursor", message: "不是本接口给出的 cursor · not a cursor of this route" }],
  });
}

interface Found {
  xid: string;
  seq: string | number;
  month: string;
  call_id: string;
  version: number;
  topic: string;
  at: string | number;
}

async function replaySome(
  ctx: Context,
  tenant: string,
  subscriptionId: string,
  range: Range,
  after: Place,
): Promise<(Place & { queued: number }) | null> {
  const events = range.events ?? [];
  const now = ctx.clock.now().toISOString();
  return ctx.db.tx(async (q) => {
    const found = await q.execute(sql`
      select xid::text as xid, id as seq, month::text as month, call_id, version, topic, ${epoch("created")} as at
      from outbox where tenant = ${tenant} and (xid, id) > (${after.xid}::xid8, ${after.seq}::bigint)
        and month between ${monthOf(range.from)}::date and ${monthOf(range.to)}::date
        and created >= ${range.from.toISOString()}::timestamptz and created < ${range.to.toISOString()}::timestamptz
        ${events.includes("*") ? sql`` : sql`and topic = any(${textArray(events)})`}
        ${range.callId === undefined ? sql`` : sql`and call_id = ${range.callId}`}
      order by outbox.xid, outbox.id limit ${replayedAtOnce}::int`);
    const happened = rows<Found>(found);
    const last = happened.at(-1);
    if (last === undefined) return null;
    const column = (of: (one: Found) => string | number | Date) => textArray(happened.map(of));
    const written = await q.execute(sql`
      insert into notifications as event (month, subscription_id, seq, tenant, call_id, version, topic, at, state, queued)
      select month::date, ${subscriptionId}, seq::bigint, ${tenant}, call_id, version::int, topic, at::timestamptz, 'pending',
        ${now}::timestamptz
      from unnest(${column((one) => one.month)}, ${column((one) => one.seq)}, ${column((one) => one.call_id)},
        ${column((one) => one.version)}, ${column((one) => one.topic)}, ${column((one) => new Date(Number(one.at)))})
        as news(month, seq, call_id, version, topic, at)
      on conflict (subscription_id, seq, month) do update set state = 'pending', tries = 0, failing_since = null,
        finished = null, queued = excluded.queued`);
    await openLanes(
      q,
      tenant,
      subscriptionId,
      happened.map((one) => one.call_id),
      now,
    );
    await tryNow(q, subscriptionId, now);
    return { queued: changed(written), xid: last.xid, seq: String(last.seq) };
  });
}

/** A test's row is there before it is sent: whoever receives it can look it up. */
export async function storeTest(
  ctx: Context,
  tenant: string,
  subscriptionId: string,
): Promise<{ seq: number; at: Date; finish(delivered: boolean, attempt: Attempt): Promise<void> }> {
  const at = ctx.clock.now();
  const month = monthOf(at);
  const made = await ctx.db.run((q) =>
    q.execute(sql`
      insert into notifications (month, subscription_id, seq, tenant, call_id, version, topic, at, state, queued)
      values (${month}::date, ${subscriptionId}, nextval('outbox_ids'), ${tenant}, '', 0, ${testTopic},
        ${at.toISOString()}::timestamptz, 'dead', ${at.toISOString()}::timestamptz)
      returning seq`),
  );
  const seq = Number(rows<{ seq: string | number }>(made)[0]?.seq);
  return {
    seq,
    at,
    async finish(delivered, attempt) {
      await ctx.db.run((q) =>
        q.execute(sql`
          update notifications set state = ${delivered ? "delivered" : "dead"}, tries = tries + 1,
            finished = ${ctx.clock.now().toISOString()}::timestamptz, attempts = attempts || ${JSON.stringify(attempt)}::jsonb
          where month = ${month}::date and subscription_id = ${subscriptionId} and seq = ${seq}::bigint`),
      );
    },
  };
}
