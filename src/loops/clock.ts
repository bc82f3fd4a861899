import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import type { Context } from "../context.ts";

/** Answers slower than this say too little about the database's clock. */
const roundTripMaxMs = 200;

/** Puts our clock right by the database's, so that all instances reckon leases and due times alike. */
export async function followDatabaseClock(ctx: Context): Promise<void> {
  if (ctx.db.kind === "embedded") return;
  const before = ctx.clock.now().getTime();
  const answer = await ctx.db.run((q) => q.execute(sql`select extract(epoch from clock_timestamp()) * 1000 as now`));
  const after = ctx.clock.now().getTime();
  const theirs = Number(rows<{ now: string | number }>(answer)[0]?.now);
  if (after - before <= roundTripMaxMs) ctx.clock.correct(theirs - (before + after) / 2);
}
