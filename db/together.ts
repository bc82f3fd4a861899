import { type SQL, sql } from "drizzle-orm";
import type { Query } from "./client.ts";
import { rows } from "./sql.ts";

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

/**
 * The same for changes of which each returns one column of text: what each of them returned. PostgreSQL makes them in
 * turn, since the parts of a union are read one after the other.
 */
export async function togetherTold(q: Query, changes: readonly (SQL | null)[]): Promise<Set<string>[]> {
  const told = changes.map(() => new Set<string>());
  const all = changes.flatMap((change, index) => (change === null ? [] : { change, index }));
  if (all.length === 0) return told;
  const before = all.map(({ change, index }) => sql`${sql.raw(`change_${index} (told)`)} as (${change})`);
  const each = all.map(({ index }) => sql.raw(`select ${index} as change, told from change_${index}`));
  const found = await q.execute(sql`with ${sql.join(before, sql`, `)} ${sql.join(each, sql` union all `)}`);
  for (const row of rows<{ change: number; told: string }>(found)) told[row.change]?.add(row.told);
  return told;
}
