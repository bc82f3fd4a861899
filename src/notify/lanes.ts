/** Taking what is due: whole calls, so that a call's events go out one after the other. */
import { sql } from "drizzle-orm";
import { rows, textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { envelope, eventIdOf } from "./envelope.ts";

/** How long a taken call is left to its sender; after a crash another one takes it up then. */
export const laneLeaseMs = 60_000;
/** So many of a call's events are taken with it. */
const eventsPerLane = 20;

export interface Waiting {
  seq: number;
  month: string;
  tries: number;
  failingSince: Date | null;
  id: string;
  /** Null where what happened is no longer kept. */
  body: string | null;
}

/** The events of one call that wait for one subscription, in order, for whoever has taken them. */
export interface Lane {
  tenant: string;
  subscriptionId: string;
  callId: string;
  changes: number;
  since: Date;
  claim: string;
  /** When it was taken. */
  at: Date;
  /** When the subscription was last changed, as it was then. */
  stamp: number;
  /** The circuit was open: this is the one that tries. */
  probe: boolean;
  events: Waiting[];
  more: boolean;
}

export interface Rooms {
  /** Of all together. */
  total: number;
  /** Of subscriptions that are not named. */
  each: number;
  named: ReadonlyMap<string, number>;
  /** Subscriptions come in the order of their ids, beginning behind this one: none is always last. */
  after: string;
}

/** Takes due calls of subscriptions whose circuit is closed. */
export async function takeLanes(ctx: Context, claim: string, rooms: Rooms): Promise<Lane[]> {
  const now = ctx.clock.now();
  const names = [...rooms.named];
  const taken = await ctx.db.run((q) =>
    q.execute(sql`
      with room as materialized (
        select id, room::int from unnest(${textArray(names.map(([id]) => id))}, ${textArray(names.map(([, room]) => room))}) as r(id, room)),
      ready as materialized (
        select s.id, s.updated, coalesce(room.room, ${rooms.each}::int) as room from subscriptions s left join room on room.id = s.id
        where s.active and s.open_until is null
        order by s.id > ${rooms.after} desc, s.id),
      picked as materialized (
        select due.subscription_id, due.call_id, ready.updated from ready cross join lateral (
          select subscription_id, call_id from notify_lanes
          where subscription_id = ready.id and due <= ${now.toISOString()}::timestamptz
          order by due limit ready.room for update skip locked) as due
        limit ${rooms.total}::int)
      ${claimPicked(now, claim)}`),
  );
  return readLanes(ctx, rows<LaneRow>(taken), claim, now, false);
}

/** How long a probe may take before another one is sent. */
const probeLeaseMs = 30_000;
const probesAtOnce = 50;

/** Takes one due call of every subscription whose circuit has been open for long enough. */
export async function takeProbes(ctx: Context, claim: string): Promise<Lane[]> {
  const now = ctx.clock.now();
  const until = new Date(now.getTime() + probeLeaseMs);
  const taken = await ctx.db.run((q) =>
    q.execute(sql`
      with ready as (
        update subscriptions set open_until = ${until.toISOString()}::timestamptz where id in (
          select id from subscriptions s where active and open_until <= ${now.toISOString()}::timestamptz
            and exists (select 1 from notify_lanes where subscription_id = s.id and due <= ${now.toISOString()}::timestamptz)
          limit ${probesAtOnce} for update skip locked)
        returning id, updated),
      picked as materialized (
        select due.subscription_id, due.call_id, ready.updated from ready cross join lateral (
          select subscription_id, call_id from notify_lanes
          where subscription_id = ready.id and due <= ${now.toISOString()}::timestamptz
          order by due limit 1 for update skip locked) as due)
      ${claimPicked(now, claim)}`),
  );
  return readLanes(ctx, rows<LaneRow>(taken), claim, now, true);
}

interface LaneRow {
  tenant: string;
  subscription_id: string;
  call_id: string;
  changes: number;
  since: string | number;
  stamp: string | number;
}

function claimPicked(now: Date, claim: string) {
  const until = new Date(now.getTime() + laneLeaseMs).toISOString();
  return sql`
      update notify_lanes lane set due = ${until}::timestamptz, claim = ${claim} from picked
      where lane.subscription_id = picked.subscription_id and lane.call_id = picked.call_id
      returning lane.tenant, lane.subscription_id, lane.call_id, lane.changes,
        (extract(epoch from lane.since) * 1000)::bigint as since, (extract(epoch from picked.updated) * 1000)::bigint as stamp`;
}

interface EventRow {
  lane: string | number;
  seq: string | number;
  month: string;
  version: number;
  topic: string;
  at: string | number;
  tries: number;
  failing_since: string | number | null;
  payload: string | null;
}

/** Reads after the taking: whatever a lane's `changes` counts is seen. */
async function readLanes(
  ctx: Context,
  taken: readonly LaneRow[],
  claim: string,
  at: Date,
  probe: boolean,
): Promise<Lane[]> {
  if (taken.length === 0) return [];
  const found = await ctx.db.run((q) =>
    q.execute(sql`
      select lane.number as lane, event.seq, event.month::text as month, event.version, event.topic, event.tries,
        (extract(epoch from event.at) * 1000)::bigint as at,
        (extract(epoch from event.failing_since) * 1000)::bigint as failing_since, outbox.payload
      from unnest(${textArray(taken.map((one) => one.subscription_id))}, ${textArray(taken.map((one) => one.call_id))})
        with ordinality as lane(sub, call, number)
      cross join lateral (
        select * from notifications where subscription_id = lane.sub and call_id = lane.call and state = 'pending'
        order by seq limit ${eventsPerLane + 1}) as event
      left join outbox on outbox.month = event.month and outbox.call_id = event.call_id
        and outbox.version = event.version and outbox.topic = event.topic and outbox.id = event.seq
      order by lane.number, event.seq`),
  );
  const events = Map.groupBy(rows<EventRow>(found), (row) => Number(row.lane));
  return taken.map((row, index) => {
    const waiting = events.get(index + 1) ?? [];
    return {
      tenant: row.tenant,
      subscriptionId: row.subscription_id,
      callId: row.call_id,
      changes: row.changes,
      since: new Date(Number(row.since)),
      claim,
      at,
      stamp: Number(row.stamp),
      probe,
      events: waiting.slice(0, eventsPerLane).map((event) => waitingOf(ctx, row, event)),
      more: waiting.length > eventsPerLane,
    };
  });
}

function waitingOf(ctx: Context, lane: LaneRow, row: EventRow): Waiting {
  const seq = Number(row.seq);
  const data = row.payload === null ? null : ctx.seal.open(lane.tenant, row.payload);
  const at = new Date(Number(row.at));
  const told = { seq, tenant: lane.tenant, topic: row.topic, callId: lane.call_id, version: row.version, at };
  return {
    seq,
    month: row.month,
    tries: row.tries,
    failingSince: row.failing_since === null ? null : new Date(Number(row.failing_since)),
    id: eventIdOf(seq),
    body: envelope(told, data),
  };
}
