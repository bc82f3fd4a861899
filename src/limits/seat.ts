import { type SQL, sql } from "drizzle-orm";
import type { PhoneNumber } from "../../channels/contract.ts";
import type { Query } from "../../db/client.ts";
import { recordset, rows, textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";

/** A call that wants an agent's one seat until a time. */
export interface SeatWish {
  key: string;
  callId: string;
  until: Date;
}

/**
 * The change that takes agents' seats, each where it is free or its time is over; it returns the calls that have one
 * now. No key may stand there twice. Rows are taken in the order of their keys, as everywhere: two transactions never
 * wait in a circle.
 */
export function seatRows(wishes: readonly SeatWish[], now: Date): SQL | null {
  if (wishes.length === 0) return null;
  return sql`
    insert into leases as held (scope, key, slot, call_id, until)
    select 'agent', key, 0, "callId", until
    from ${recordset(wishes, `wish(key text, "callId" text, until timestamptz)`)} order by key
    on conflict (scope, key, slot) do update set call_id = excluded.call_id, until = excluded.until
    where held.call_id is null or held.until < ${now.toISOString()}::timestamptz
    returning call_id`;
}

/** The person's phone where it is known, so that one person is one seat on whichever channel. */
export function seatKey(ctx: Context, tenant: string, agent: { id: string | null; phone: PhoneNumber | null }): string {
  const who = agent.phone === null ? `id:${agent.id}` : `phone:${agent.phone.reveal()}`;
  return ctx.seal.index(tenant, "seat", who);
}

/** The call that holds an agent's seat. */
export async function seatHolder(q: Query, key: string): Promise<string | null> {
  const found = await q.execute(sql`select call_id from leases where scope = 'agent' and key = ${key} and slot = 0`);
  return rows<{ call_id: string | null }>(found)[0]?.call_id ?? null;
}

/** Gives back what these calls hold. */
export function freeSeats(q: Query, callIds: readonly string[]): Promise<void> {
  return moveSeats(
    q,
    callIds.map((callId) => ({ callId, until: null })),
  );
}

/** Moves the seats of running calls to their latest end, and frees those of calls that are over (`until` null). */
export async function moveSeats(q: Query, calls: readonly { callId: string; until: Date | null }[]): Promise<void> {
  if (calls.length === 0) return;
  await q.execute(sql`
    with mine as (
      select scope, key, slot, news.until from leases
      join unnest(${textArray(calls.map((call) => call.callId))}, ${textArray(calls.map((call) => call.until))})
        as news(id, until) on call_id = news.id
      order by scope, key, slot for update of leases)
    update leases as held
    set until = coalesce(mine.until::timestamptz, '-infinity'),
        call_id = case when mine.until is null then null else held.call_id end
    from mine where held.scope = mine.scope and held.key = mine.key and held.slot = mine.slot`);
}
