import { sql } from "drizzle-orm";
import type { RawDelivery } from "../../channels/contract.ts";
import type { Query } from "../../db/client.ts";
import { changed, rows, textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { unpackDelivery } from "./pack.ts";

/** A delivery under a drain's hands: out of the queue once its transaction commits. */
export interface Claimed {
  day: string;
  id: number;
  tenant: string;
  accountId: string;
  received: Date;
  /** It came by itself, rather than for the asking. */
  pushed: boolean;
  defect: string | null;
  raw: RawDelivery;
}

/** After so many rows the other table takes the new ones, so that this one can run empty and be truncated. */
export const turnAfterRows = 20_000;

/** Takes the oldest rows that no other drain holds out of the queue, and reads their deliveries. */
export async function claim(ctx: Context, q: Query, limit: number): Promise<Claimed[]> {
  const taken = await take(q, "inbox_a", limit);
  if (taken.length < limit) taken.push(...(await take(q, "inbox_b", limit - taken.length)));
  if (taken.length === 0) return [];
  const claimed: Claimed[] = [];
  for (const [day, ofDay] of Map.groupBy(taken, (one) => one.day)) claimed.push(...(await read(ctx, q, day, ofDay)));
  return claimed;
}

type Taken = { day: string; id: number };

async function take(q: Query, table: "inbox_a" | "inbox_b", limit: number): Promise<Taken[]> {
  const name = sql.identifier(table);
  const taken = await q.execute(sql`
    delete from ${name} where id in (select id from ${name} order by id limit ${limit} for update skip locked)
    returning day::text as day, id`);
  return rows<{ day: string; id: string | number }>(taken).map((row) => ({ day: row.day, id: Number(row.id) }));
}

/** The day stands as a constant in the statement, so that one partition is looked at, not thirty. */
async function read(ctx: Context, q: Query, day: string, taken: readonly Taken[]): Promise<Claimed[]> {
  const found = await q.execute(sql`
    select id, tenant, account_id, kind, source, (extract(epoch from received) * 1000)::bigint as received, sealed, defect
    from deliveries where day = ${day}::date and id = any(${textArray(taken.map((one) => one.id))}::bigint[]) order by id`);
  return rows<{
    id: string | number;
    tenant: string;
    account_id: string;
    kind: string;
    source: string;
    received: string | number;
    sealed: string;
    defect: string | null;
  }>(found).map((row) => ({
    day,
    id: Number(row.id),
    tenant: row.tenant,
    accountId: row.account_id,
    received: new Date(Number(row.received)),
    pushed: row.source === "push",
    ...opened(ctx, row),
  }));
}

/** A row whose seal does not open any more must not stop all the others for ever. */
function opened(
  ctx: Context,
  row: { tenant: string; kind: string; sealed: string; defect: string | null },
): Pick<Claimed, "raw" | "defect"> {
  try {
    return { raw: unpackDelivery(row.kind, ctx.seal.openBytes(row.tenant, row.sealed)), defect: row.defect };
  } catch {
    return { raw: { kind: row.kind, body: new Uint8Array() }, defect: row.defect ?? "its seal does not open" };
  }
}

/** Takes one delivery out of the queue. False where another drain has it, or had it. */
export async function withdraw(q: Query, one: Taken): Promise<boolean> {
  let taken = 0;
  for (const table of ["inbox_a", "inbox_b"])
    taken += changed(
      await q.execute(sql`delete from ${sql.identifier(table)} where id = ${one.id} and day = ${one.day}`),
    );
  return taken > 0;
}

/** Puts deliveries back; a later drain takes them up again. */
export async function requeue(q: Query, again: readonly Taken[]): Promise<void> {
  if (again.length === 0) return;
  await q.execute(sql`
    insert into inbox_a (day, id) select day::date, id::bigint
    from unnest(${textArray(again.map((one) => one.day))}, ${textArray(again.map((one) => one.id))}) as back(day, id)
    on conflict do nothing`);
}

/**
 * Lets the two tables take turns: new rows go to the other one, and the one that has run empty is truncated. Deleted
 * rows would otherwise pile up under any long transaction and be waded through by every claim.
 */
export async function takeTurns(q: Query): Promise<void> {
  const turned = await q.execute(sql`select active from inbox_turn where one = 1 for update skip locked`);
  const active = rows<{ active: "a" | "b" }>(turned)[0]?.active;
  if (active === undefined) return;
  const resting = sql.identifier(active === "a" ? "inbox_b" : "inbox_a");
  await q.execute(sql`set local lock_timeout = '100ms'`);
  await q.execute(sql`lock table ${resting} in access exclusive mode`);
  const empty = rows(await q.execute(sql`select 1 from ${resting} limit 1`)).length === 0;
  if (!empty) return;
  await q.execute(sql`truncate ${resting}`);
  await q.execute(sql`update inbox_turn set active = ${active === "a" ? "b" : "a"}`);
}

/** How many deliveries wait, up to `max`. */
export async function waitingCount(q: Query, max: number): Promise<number> {
  const counted = await q.execute(sql`
    select (select count(*) from (select 1 from inbox_a limit ${max}) as a)
      + (select count(*) from (select 1 from inbox_b limit ${max}) as b) as waiting`);
  return Number(rows<{ waiting: string | number }>(counted)[0]?.waiting ?? 0);
}
