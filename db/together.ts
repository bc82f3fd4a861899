import { type SQL, sql } from "drizzle-orm";
import type { Query } from "./client.ts";

/**
 * Runs changes as one statement, since every statement costs both sides a message and its handling. None of them may
 * read what another one writes, nor change a row that another one changes: all of them see what was there before.
 */
export async function together(q: Query, changes: readonly (SQL | null)[]): Promise<void> {
  const all = changes.filter((change) => change !== null);
  const last = all.pop();
  if (last === undefined) return;
  const before = all.map((change, index) => sql`${sql.raw(`change_${index}`)} as (${change})`);
  await q.execute(before.length === 0 ? last : sql`with ${sql.join(before, sql`, `)} ${last}`);
}
