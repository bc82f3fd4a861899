import { sql } from "drizzle-orm";
import type { Database } from "../../db/client.ts";
import { rows } from "../../db/sql.ts";
import type { Clock } from "../clock.ts";

const reachEveryMs = 5_000;
/** What providers could not deliver while we were away they repeat within this time. */
const afterwardsMs = 60_000;

/** For how long news may have waited with us, rather than not have come: in the inbox, or while we took none. */
export interface Lag {
  lagMs(): number;
  inbox(ms: number): void;
  /** The database has answered: what comes is stored. */
  reached(): void;
}

export function createLag(clock: Clock): Lag {
  let inboxMs = 0;
  let reachedAt = clock.now().getTime();
  let away = { ms: 0, until: 0 };
  return {
    lagMs() {
      const now = clock.now().getTime();
      const sinceMs = now - reachedAt;
      return Math.max(inboxMs, sinceMs > reachEveryMs ? sinceMs : 0, now < away.until ? away.ms : 0);
    },
    inbox(ms) {
      inboxMs = ms;
    },
    reached() {
      const now = clock.now().getTime();
      const sinceMs = now - reachedAt;
      if (sinceMs > reachEveryMs) away = { ms: sinceMs + afterwardsMs, until: now + afterwardsMs };
      reachedAt = now;
    },
  };
}

/** How long the oldest delivery has waited in our own inbox, milliseconds: its silence is ours. */
export async function inboxLagMs(db: Database, now: Date): Promise<number> {
  const found = await db.run((q) =>
    q.execute(sql`
      with waiting as (
        (select day, id from inbox_a order by id limit 1) union all (select day, id from inbox_b order by id limit 1))
      select (extract(epoch from min(received)) * 1000)::bigint as oldest from waiting join deliveries using (day, id)`),
  );
  const oldest = rows<{ oldest: string | number | null }>(found)[0]?.oldest ?? null;
  return oldest === null ? 0 : Math.max(0, now.getTime() - Number(oldest));
}

/** How late each account's feed is read, milliseconds; one that fails again and again rests, and is late by that. */
export async function feedLags(db: Database, now: Date): Promise<Map<string, number>> {
  const found = await db.run((q) =>
    q.execute(sql`
      select account_id, failures, (extract(epoch from due) * 1000)::bigint as due from polls where kind = 'feed'`),
  );
  return new Map(
    rows<{ account_id: string; failures: number; due: string | number }>(found).map((row) => {
      const lateMs = Math.max(0, now.getTime() - Number(row.due));
      return [row.account_id, Math.max(lateMs, failedForMs(row.failures))];
    }),
  );
}

/** A feed's rests double from a second to five minutes: so long it has given nothing, at least. */
function failedForMs(failures: number): number {
  let sum = 0;
  for (let n = 0; n < Math.min(failures, 12); n++) sum += Math.min(300_000, 1_000 * 2 ** Math.min(n, 8));
  return sum;
}
