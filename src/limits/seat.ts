import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { changed, rows, textArray } from "../../db/sql.ts";

/** Takes an agent's one seat until a time. Null when it is taken; else the seat's holder is now this call. */
export async function takeSeat(q: Query, key: string, callId: string, now: Date, until: Date): Promise<boolean> {
  const taken = await q.execute(sql`
    insert into leases as held (scope, key, slot, call_id, until)
    values ('agent', ${key}, 0, ${callId}, ${until.toISOString()})
    on conflict (scope, key, slot) do update set call_id = excluded.call_id, until = excluded.until
    where held.call_id is null or held.until < ${now.toISOString()}`);
  return changed(taken) === 1;
}

/** The call that holds an agent's seat. */
export async function seatHolder(q: Query, key: string): Promise<string | null> {
  const found = await q.execute(sql`select call_id from leases where scope = 'agent' and key = ${key} and slot = 0`);
  return rows<{ call_id: string | null }>(found)[0]?.call_id ?? null;
}

/** Moves the seats of running calls to their latest end, and frees those of calls that are over (`until` null). */
export async function moveSeats(q: Query, calls: readonly { callId: string; until: Date | null }[]): Promise<void> {
  if (calls.length === 0) return;
  await q.execute(sql`
    update leases as held
    set until = coalesce(news.until::timestamptz, '-infinity'),
        call_id = case when news.until is null then null else held.call_id end
    from unnest(${textArray(calls.map((call) => call.callId))}, ${textArray(calls.map((call) => call.until))}) as news(id, until)
    where held.call_id = news.id`);
}
