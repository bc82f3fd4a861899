import { sql } from "drizzle-orm";
import { rows, textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";

/** Of these keys the revoked ones, as `tenant/id`. */
export async function revokedAmong(
  ctx: Context,
  keys: Iterable<{ tenant: string; keyId: string }>,
): Promise<Set<string>> {
  const asked = new Map([...keys].map((key) => [`${key.tenant}/${key.keyId}`, key]));
  const all = [...asked.values()];
  const found = await ctx.db.run((q) =>
    q.execute(sql`
      select api_keys.tenant || '/' || api_keys.id as name
      from unnest(${textArray(all.map((one) => one.tenant))}, ${textArray(all.map((one) => one.keyId))}) as asked(tenant, id)
      join api_keys on api_keys.tenant = asked.tenant and api_keys.id = asked.id where revoked is not null`),
  );
  return new Set(rows<{ name: string }>(found).map((row) => row.name));
}
