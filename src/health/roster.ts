import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import type { Directory, Line } from "../lines/directory.ts";

/** The lines in use of all tenants; of those that did not change since the last look, only the ids. */
export interface Roster {
  look(): Promise<{ ids: Set<number>; changed: Line[] }>;
}

export function createRoster(ctx: Context, directory: Directory): Roster {
  let seen = new Map<number, string>();
  return {
    async look() {
      const found = await ctx.db.run((q) =>
        q.execute(sql`
          select id, tenant, updated::text as updated from call_lines where status = 'active' and archived is null`),
      );
      const all = rows<{ id: number; tenant: string; updated: string }>(found);
      const tenants = new Set(all.filter(({ id, updated }) => seen.get(id) !== updated).map(({ tenant }) => tenant));
      const changed: Line[] = [];
      for (const tenant of tenants)
        for (const line of await directory.linesOf(tenant)) if (line.active && !line.archived) changed.push(line);
      const loaded = new Set(changed.map(({ id }) => id));
      // A line that the directory does not show yet is looked for again.
      const known = all.filter(({ id, tenant }) => !tenants.has(tenant) || loaded.has(id));
      seen = new Map(known.map(({ id, updated }) => [id, updated]));
      return { ids: new Set(all.map(({ id }) => id)), changed };
    },
  };
}
