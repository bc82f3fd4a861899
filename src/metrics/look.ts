import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import type { Context } from "../context.ts";

/** What only the database knows of how far behind we are; of all instances together. Ages in seconds. */
export interface Look {
  /** Deliveries that are stored and not handled, counted up to `countedMax`. */
  backlog: number;
  /** Of the one that has waited longest; 0 where none waits. */
  oldestSeconds: number;
  /** How late the latest of the feeds and of the asks about live calls is. */
  feedLagSeconds: number;
  followLagSeconds: number;
  /** Deliveries set aside, by reason, each counted up to `countedMax`. */
  unmatchedParked: number;
  malformedParked: number;
}

const countedMax = 10_000;

export async function lookAtQueues(ctx: Context): Promise<Look> {
  const now = ctx.clock.now().toISOString();
  const late = (at: string) =>
    sql`coalesce(greatest(0, extract(epoch from ${now}::timestamptz - (${sql.raw(at)}))), 0)`;
  const parked = (reason: string) =>
    sql`(select count(*) from (select 1 from parked where reason = ${reason} limit ${countedMax}) as counted)`;
  // A feed of an account whose lines are all archived is read no more: it is not late.
  const feed = `select min(due) from polls where kind = 'feed' and exists (
    select 1 from call_lines where call_lines.account_id = polls.account_id and archived is null)`;
  const follow = "select min(follow_due) from call_attempts where open and follow_due is not null";
  const found = await ctx.db.run((q) =>
    q.execute(sql`
      with waiting as (
        (select day, id from inbox_a order by id limit 1) union all (select day, id from inbox_b order by id limit 1))
      select (select count(*) from (select 1 from inbox_a limit ${countedMax}) as a)
          + (select count(*) from (select 1 from inbox_b limit ${countedMax}) as b) as backlog,
        ${late("select min(received) from waiting join deliveries using (day, id)")} as oldest,
        ${late(feed)} as feed_lag, ${late(follow)} as follow_lag,
        ${parked("unmatched")} as unmatched, ${parked("malformed")} as malformed`),
  );
  const [row] =
    rows<Record<"backlog" | "oldest" | "feed_lag" | "follow_lag" | "unmatched" | "malformed", string>>(found);
  return {
    backlog: Number(row?.backlog ?? 0),
    oldestSeconds: Number(row?.oldest ?? 0),
    feedLagSeconds: Number(row?.feed_lag ?? 0),
    followLagSeconds: Number(row?.follow_lag ?? 0),
    unmatchedParked: Number(row?.unmatched ?? 0),
    malformedParked: Number(row?.malformed ?? 0),
  };
}
