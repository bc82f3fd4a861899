import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { rows, textArray } from "../../db/sql.ts";
import type { CallContext } from "../calls/context.ts";
import { forgetKeys } from "../calls/idempotency.ts";

const dayMs = 86_400_000;
/** Deliveries and events are kept this long. */
const keptDays = 30;
/** Idempotency keys hold for at least seven days. */
const keysKeptDays = 8;
const aheadDays = 3;
const byMonth = ["events", "outbox", "notifications"] as const;

/** Hourly: partitions for the days to come, those that are too old dropped, idempotency keys forgotten. */
export async function maintain(ctx: CallContext): Promise<void> {
  const now = ctx.clock.now();
  const wanted = partitionsAround(now);
  const there = await existing(
    ctx,
    wanted.map(({ name }) => name),
  );
  for (const one of wanted) if (!there.has(one.name)) await makePartition(ctx, one);
  // A month goes when its last day is too old.
  const lastMonth = new Date(now.getTime() - (keptDays + 32) * dayMs);
  await Promise.all([
    dropBefore(ctx, "deliveries", new Date(now.getTime() - (keptDays + 1) * dayMs)),
    ...byMonth.map((table) => dropBefore(ctx, table, lastMonth)),
  ]);
  const forgotten = await forgetKeys(ctx, new Date(now.getTime() - keysKeptDays * dayMs));
  await ctx.db.run((q) =>
    q.execute(sql`update call_attempts set held_until = null where held_until <= ${now.toISOString()}`),
  );
  ctx.log.debug({ count: forgotten }, "partitions made and left, old keys forgotten");
}

function partitionsAround(now: Date): Partition[] {
  const wanted: Partition[] = [];
  const add = (table: Partitioned, from: Date, to: Date): void =>
    void wanted.push({ table, name: `${table}_${isoDay(from).replaceAll("-", "")}`, from, to });
  for (let ahead = 0; ahead <= aheadDays; ahead++) {
    const from = new Date(Math.floor(now.getTime() / dayMs) * dayMs + ahead * dayMs);
    add("deliveries", from, new Date(from.getTime() + dayMs));
  }
  for (const ahead of [0, 1]) {
    const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, 1));
    const to = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead + 1, 1));
    for (const table of byMonth) add(table, from, to);
  }
  return wanted;
}

interface Partition {
  table: Partitioned;
  name: string;
  from: Date;
  to: Date;
}

type Partitioned = "deliveries" | (typeof byMonth)[number];

const isoDay = (at: Date): string => at.toISOString().slice(0, 10);

/** Rows of a range that came before its partition stay in the table's default partition; that is no fault. */
async function makePartition(ctx: CallContext, { table, name, from, to }: Partition): Promise<void> {
  await ctx.db.tx(async (q) => {
    // One instance at a time; the others find it made.
    await q.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`partition:${table}`}, 0))`);
    if (await exists(q, name)) return;
    const column = sql.identifier(table === "deliveries" ? "day" : "month");
    const early = await q.execute(sql`
      select 1 from ${sql.identifier(`${table}_other`)}
      where ${column} >= ${isoDay(from)}::date and ${column} < ${isoDay(to)}::date limit 1`);
    if (rows(early).length > 0) return;
    await q.execute(
      sql.raw(`create table ${name} partition of ${table} for values from ('${isoDay(from)}') to ('${isoDay(to)}')`),
    );
  });
}

async function existing(ctx: CallContext, names: readonly string[]): Promise<Set<string>> {
  const found = await ctx.db.run((q) =>
    q.execute(sql`select name from unnest(${textArray(names)}) as wanted(name) where to_regclass(name) is not null`),
  );
  return new Set(rows<{ name: string }>(found).map(({ name }) => name));
}

async function exists(q: Query, table: string): Promise<boolean> {
  const found = await q.execute(sql`select to_regclass(${table}) is not null as there`);
  return rows<{ there: boolean }>(found)[0]?.there === true;
}

async function dropBefore(ctx: CallContext, table: Partitioned, before: Date): Promise<void> {
  const last = `${table}_${isoDay(before).replaceAll("-", "")}`;
  const old = await ctx.db.run((q) =>
    q.execute(sql`
      select child.relname as name from pg_inherits
      join pg_class child on child.oid = inhrelid
      where inhparent = to_regclass(${table}) and child.relname ~ ${`^${table}_[0-9]{8}$`} and child.relname < ${last}`),
  );
  for (const { name } of rows<{ name: string }>(old)) {
    await ctx.db.tx((q) => q.execute(sql`drop table ${sql.identifier(name)}`));
    ctx.log.info({ kind: name }, "old partition dropped");
  }
}
