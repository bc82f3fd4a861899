import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { changed, textArray } from "../../db/sql.ts";

/** A delivery that nobody's call takes, or that nobody understands. */
export interface Parked {
  day: string;
  id: number;
  tenant: string;
  accountId: string;
  reason: "unmatched" | "malformed";
  detail: string;
  waitsFor: string | null;
}

/** An unmatched delivery is tried again after these times, then kept for people to see. */
export const retryAfterMs = [1_000, 5_000, 30_000, 300_000, 3_600_000] as const;

/** Puts deliveries aside. Those that were aside before count one more try. */
export async function park(q: Query, parked: readonly Parked[], now: Date): Promise<void> {
  if (parked.length === 0) return;
  const column = (of: (one: Parked) => string | number | null) => textArray(parked.map(of));
  const schedule = textArray([...retryAfterMs]);
  const at = now.toISOString();
  await q.execute(sql`
    insert into parked as aside (day, id, tenant, account_id, reason, detail, waits_for, tries, parked_at, due)
    select day::date, id::bigint, tenant, account_id, reason, detail, waits_for, 0, ${at}::timestamptz,
      case when reason = 'unmatched' then ${at}::timestamptz + (${schedule})[1]::int * interval '1 millisecond' end
    from unnest(${column((p) => p.day)}, ${column((p) => p.id)}, ${column((p) => p.tenant)},
      ${column((p) => p.accountId)}, ${column((p) => p.reason)}, ${column((p) => p.detail.slice(0, 200))},
      ${column((p) => p.waitsFor)}) as news(day, id, tenant, account_id, reason, detail, waits_for)
    on conflict (day, id) do update set tries = aside.tries + 1, reason = excluded.reason, detail = excluded.detail,
      waits_for = excluded.waits_for,
      due = case when excluded.reason = 'unmatched'
        then ${at}::timestamptz + (${schedule})[aside.tries + 2]::int * interval '1 millisecond' end`);
}

/** A provider's id of a call, as its account knows it. */
export interface ProviderId {
  accountId: string;
  providerCallId: string;
}

/** Locks ids, in the order of their hashes: storing one and parking what waits for it take turns. */
export async function lockProviderIds(q: Query, ids: readonly ProviderId[]): Promise<void> {
  if (ids.length === 0) return;
  const names = ids.map(({ accountId, providerCallId }) => `${accountId}:${providerCallId}`);
  await q.execute(sql`
    select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended(name, 0) as key from unnest(${textArray(names)}) as asked(name) order by 1) as keys`);
}

/** Puts what waits for these ids back into the queue; how many. The caller holds the ids' locks. */
export async function requeueWaiting(q: Query, ids: readonly ProviderId[]): Promise<number> {
  if (ids.length === 0) return 0;
  const moved = await q.execute(sql`
    with waiting as (
      update parked set due = null
      from unnest(${textArray(ids.map((id) => id.accountId))}, ${textArray(ids.map((id) => id.providerCallId))})
        as known(account, id)
      where parked.account_id = known.account and parked.waits_for = known.id
      returning parked.day, parked.id)
    insert into inbox_a (day, id) select day, id from waiting on conflict do nothing`);
  return changed(moved);
}

/** Puts what is due for another try back into the queue. */
export async function requeueDue(q: Query, now: Date, limit: number): Promise<number> {
  const moved = await q.execute(sql`
    with due as (
      update parked set due = null where (day, id) in (
        select day, id from parked where due <= ${now.toISOString()} order by due limit ${limit} for update skip locked)
      returning day, id)
    insert into inbox_a (day, id) select day, id from due on conflict do nothing`);
  return changed(moved);
}

/** What was aside and has found its call. */
export async function unpark(q: Query, handled: readonly { day: string; id: number }[]): Promise<void> {
  if (handled.length === 0) return;
  await q.execute(sql`
    delete from parked using unnest(${textArray(handled.map((one) => one.day))}, ${textArray(handled.map((one) => one.id))})
      as done(day, id) where parked.day = done.day::date and parked.id = done.id::bigint`);
}
