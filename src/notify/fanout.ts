/** From the outbox to what waits for each subscription: by one instance at a time, and harmless when done twice. */
import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { subscriptions } from "../../db/schema/index.ts";
import { changed, rows, textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import { monthOf } from "../outbox/append.ts";
import { type FeedEvent, feedEnd, feedStart, readFeed } from "../outbox/feed.ts";
import { envelope, seqOf } from "./envelope.ts";
import { type Lane, laneLeaseMs, type Rooms, type Waiting } from "./lanes.ts";

const eventsAtOnce = 500;
const leaseMs = 15_000;
const renewBeforeMs = 7_000;
/** A cursor that stands still is written again so often, lest it grow too old. */
const refreshMs = 3_600_000;

type Page = { after: string; events: FeedEvent[]; cursor: string };
type Listener = typeof subscriptions.$inferSelect;
type Told = { listener: Listener; event: FeedEvent; mine: boolean };

/** How much this process would send itself, at once and without asking for it again. */
export interface Appetite {
  claim: string;
  rooms(): Rooms;
}

export interface FanOut {
  /** Hands out one page: what this process took of it, and whether there is more. */
  runOnce(): Promise<{ lanes: Lane[]; more: boolean }>;
  /** Lets another instance take over at once. */
  release(): Promise<void>;
}

export function createFanOut(ctx: Context, appetite: Appetite): FanOut {
  const holder = randomLetters(16, ctx.randomBytes);
  let leaseUntil = 0;
  let savedAt = 0;
  /** The page behind the last one, where it has been read already. */
  let ahead: Page | null = null;
  let cursor: string | null = null;

  async function read(after: string): Promise<Page> {
    const kept = ahead;
    ahead = null;
    // An empty one says nothing of what has come since.
    if (kept?.after === after && kept.events.length > 0) return kept;
    const page = await readFeed(ctx, null, after, eventsAtOnce);
    if (!page.reset) return { after, events: page.events, cursor: page.cursor };
    // A restored database, or a service that slept for a month: what is kept is handed out, once each.
    ctx.log.warn({ kind: "notify" }, "the webhooks' place in the outbox is lost; all that is kept is looked at again");
    const start = await feedStart(ctx);
    const first = await readFeed(ctx, null, start, eventsAtOnce);
    return first.reset ? { after, events: [], cursor: start } : { after, events: first.events, cursor: first.cursor };
  }

  async function hold(): Promise<string | null> {
    const now = ctx.clock.now();
    if (cursor !== null && now.getTime() < leaseUntil - renewBeforeMs) return cursor;
    cursor = await takeLease(ctx, holder, new Date(now.getTime() + leaseMs));
    leaseUntil = now.getTime() + leaseMs;
    return cursor;
  }

  return {
    async runOnce() {
      const from = await hold();
      if (from === null) return idle;
      const page = await read(from);
      const now = ctx.clock.now().getTime();
      if (page.events.length === 0 && now - savedAt < refreshMs) return idle;
      const full = page.events.length === eventsAtOnce;
      ahead = full ? await read(page.cursor) : null;
      const news = [...page.events, ...overtaken(page.events, ahead?.events ?? [])];
      const lanes = await handOut(ctx, appetite, news, from, page.cursor);
      // Null: another instance went on from here, and holds the lease now.
      cursor = lanes === null ? null : page.cursor;
      savedAt = now;
      return lanes === null ? idle : { lanes, more: full };
    },
    async release() {
      if (cursor === null) return;
      cursor = null;
      await ctx.db.run((q) =>
        q.execute(sql`update notify_cursor set lease = '-infinity', holder = null where holder = ${holder}`),
      );
    },
  };
}

const idle = { lanes: [], more: false };

/** The cursor to go on from, where this instance holds the lease; the very first run begins with what comes next. */
async function takeLease(ctx: Context, holder: string, until: Date): Promise<string | null> {
  const now = ctx.clock.now().toISOString();
  const take = () =>
    ctx.db.run((q) =>
      q.execute(sql`
        update notify_cursor set holder = ${holder}, lease = ${until.toISOString()}
        where one = 1 and (lease <= ${now} or holder = ${holder}) returning cursor`),
    );
  const [taken] = rows<{ cursor: string }>(await take());
  if (taken !== undefined) return taken.cursor;
  const end = await feedEnd(ctx);
  const made = await ctx.db.run((q) =>
    q.execute(sql`
      insert into notify_cursor (one, cursor, holder, lease) values (1, ${end}, ${holder}, ${until.toISOString()})
      on conflict do nothing`),
  );
  return changed(made) === 1 ? end : null;
}

/**
 * A call's transactions follow each other, but one that began earlier may commit a later version: its events then stand
 * before the others in the feed. Where a page ends between them, the others are handed out with it.
 */
function overtaken(events: readonly FeedEvent[], ahead: readonly FeedEvent[]): FeedEvent[] {
  const last = new Map<string, number>();
  for (const { callId, id } of events) last.set(callId, Math.max(last.get(callId) ?? 0, seqOf(id)));
  return ahead.filter(({ callId, id }) => seqOf(id) < (last.get(callId) ?? 0));
}

/** Events and cursor in one commit. Null where the cursor had been moved by somebody else. */
async function handOut(
  ctx: Context,
  appetite: Appetite,
  events: readonly FeedEvent[],
  from: string,
  to: string,
): Promise<Lane[] | null> {
  const listeners = events.length === 0 ? [] : await listenersOf(ctx, [...new Set(events.map(({ tenant }) => tenant))]);
  const told = share(whoHears(listeners, events), appetite.rooms());
  const at = ctx.clock.now();
  const left = await ctx.db.tx(async (q) => {
    const moved = await q.execute(sql`update notify_cursor set cursor = ${to} where one = 1 and cursor = ${from}`);
    if (changed(moved) === 0) return null;
    return told.length === 0 ? new Set<string>() : insertTold(q, told, appetite.claim, at);
  });
  if (left === null) return null;
  const mine = told.filter((one) => one.mine && !left.has(keyOf(one.listener.id, seqOf(one.event.id))));
  return lanesOf(mine, appetite.claim, at);
}

function whoHears(listeners: readonly Listener[], events: readonly FeedEvent[]): Omit<Told, "mine">[] {
  const byTenant = Map.groupBy(listeners, ({ tenant }) => tenant);
  const hears = (listener: Listener, event: FeedEvent): boolean =>
    (listener.events.includes("*") || listener.events.includes(event.topic)) && event.at >= listener.created;
  return events.flatMap((event) =>
    (byTenant.get(event.tenant) ?? []).flatMap((listener) => (hears(listener, event) ? [{ listener, event }] : [])),
  );
}

/** What this process has room for it takes at once; the rest waits for whoever has. */
function share(told: readonly Omit<Told, "mine">[], rooms: Rooms): Told[] {
  const taken = new Map<string, Set<string>>();
  let total = 0;
  return told.map((one) => {
    const { id, openUntil } = one.listener;
    const calls = taken.get(id) ?? new Set<string>();
    taken.set(id, calls);
    const known = calls.has(one.event.callId);
    const room = calls.size < (rooms.named.get(id) ?? rooms.each) && total < rooms.total;
    if (openUntil !== null || !(known || room)) return { ...one, mine: false };
    if (!known) total += 1;
    calls.add(one.event.callId);
    return { ...one, mine: true };
  });
}

const keyOf = (subscriptionId: string, seq: number): string => `${subscriptionId} ${seq}`;

/** Of those that are `mine`, which this process did not get: they were not new, or more of their calls waits. */
async function insertTold(q: Query, told: readonly Told[], claim: string, at: Date): Promise<Set<string>> {
  const now = at.toISOString();
  const lease = new Date(at.getTime() + laneLeaseMs).toISOString();
  const column = (of: (one: Told) => string | number | boolean | Date) => textArray(told.map(of));
  // Here batch is joined with batch, and neither has an index.
  await q.execute(sql`set local enable_hashjoin = on`);
  const inserted = await q.execute(sql`
    with news as materialized (
      select * from unnest(${column(({ event }) => monthOf(event.at))}, ${column(({ listener }) => listener.id)},
        ${column(({ event }) => seqOf(event.id))}, ${column(({ event }) => event.tenant)},
        ${column(({ event }) => event.callId)}, ${column(({ event }) => event.version)},
        ${column(({ event }) => event.topic)}, ${column(({ event }) => event.at)}, ${column(({ mine }) => mine)})
        as news(month, sub, seq, tenant, call_id, version, topic, at, mine)),
    queued as (
      insert into notifications (month, subscription_id, seq, tenant, call_id, version, topic, at, state, queued)
      select month::date, sub, seq::bigint, tenant, call_id, version::int, topic, at::timestamptz, 'pending', ${now}::timestamptz
      from news on conflict do nothing
      returning tenant, subscription_id, call_id, seq),
    wanted as materialized (select distinct sub, call_id from news where mine = 'true'),
    lanes as (
      insert into notify_lanes as lane (tenant, subscription_id, call_id, changes, since, due, claim)
      select distinct queued.tenant, queued.subscription_id, queued.call_id, 1, ${now}::timestamptz,
        case when wanted.sub is null then ${now} else ${lease} end::timestamptz,
        case when wanted.sub is null then null else ${claim} end
      from queued left join wanted on wanted.sub = queued.subscription_id and wanted.call_id = queued.call_id
      order by queued.subscription_id, queued.call_id
      on conflict (subscription_id, call_id) do update set changes = lane.changes + 1
      returning subscription_id, call_id, claim, xmax = 0 as fresh)
    select news.sub, news.seq from news
    left join queued on queued.subscription_id = news.sub and queued.seq = news.seq::bigint
    left join lanes on lanes.subscription_id = queued.subscription_id and lanes.call_id = queued.call_id
    where news.mine = 'true' and (lanes.fresh and lanes.claim = ${claim}) is not true`);
  return new Set(rows<{ sub: string; seq: string | number }>(inserted).map(({ sub, seq }) => keyOf(sub, Number(seq))));
}

function lanesOf(mine: readonly Told[], claim: string, at: Date): Lane[] {
  const calls = Map.groupBy(mine, ({ listener, event }) => `${listener.id} ${event.callId}`);
  return [...calls.values()].flatMap((told) => {
    const [first] = told;
    if (first === undefined) return [];
    const { tenant, id, updated } = first.listener;
    const events = told.map(({ event }) => waitingEvent(event)).sort((one, other) => one.seq - other.seq);
    const callId = first.event.callId;
    const own = { claim, at, stamp: updated.getTime(), probe: false };
    return [{ tenant, subscriptionId: id, callId, changes: 1, since: at, ...own, events, more: false }];
  });
}

function waitingEvent(event: FeedEvent): Waiting {
  const seq = seqOf(event.id);
  const body = envelope({ ...event, seq }, JSON.stringify(event.payload));
  return { seq, month: monthOf(event.at), tries: 0, failingSince: null, id: event.id, body };
}

/** A subscription that is switched off misses what happens meanwhile; a replay can fetch it. */
function listenersOf(ctx: Context, tenants: readonly string[]): Promise<Listener[]> {
  return ctx.db.run((q) =>
    q
      .select()
      .from(subscriptions)
      .where(sql`tenant = any(${textArray(tenants)}) and active`),
  );
}
