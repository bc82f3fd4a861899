import { asc, gt } from "drizzle-orm";
import { tenants } from "../../db/schema/index.ts";
import { ConfigError } from "../config.ts";
import type { Context } from "../context.ts";
import { Refusal } from "../domain/refusal.ts";

export const tenantIdPattern = /^[a-z0-9_-]{1,32}$/;
const nameMax = 100;
const proofsPerRead = 1_000;

export interface TenantView {
  id: string;
  name: string;
  created: string;
}

/** Makes a tenant; a taken id is refused. */
export async function makeTenant(ctx: Context, id: string, name: string): Promise<void> {
  if (!(await ensureTenant(ctx, id, name))) throw new Refusal("conflict", `The tenant "${id}" exists already.`);
}

/** Makes a tenant where there is none of this id. True where it was made now; of racing starts one is told so. */
export async function ensureTenant(ctx: Context, id: string, name: string): Promise<boolean> {
  if (!tenantIdPattern.test(id)) throw refused("id", "1 to 32 of a-z, 0-9, _ and -");
  if (name.length === 0 || name.length > nameMax) throw refused("name", `1 to ${nameMax} characters`);
  const row = { id, name, keyProof: proofOf(ctx, id), created: ctx.clock.now() };
  const made = await ctx.db.run((q) =>
    q.insert(tenants).values(row).onConflictDoNothing().returning({ id: tenants.id }),
  );
  return made.length > 0;
}

const refused = (field: string, message: string): Refusal =>
  new Refusal("invalid", "The tenant cannot be made.", { fields: [{ field, message }] });

const proofOf = (ctx: Context, tenant: string): string => ctx.seal.index(tenant, "proof", "hualu");

/** Refuses a secret key that does not open what is sealed: with it, nothing stored could be read again. */
export async function provesKey(ctx: Context): Promise<void> {
  for (let after = ""; ; ) {
    const from = after;
    const read = await ctx.db.run((q) =>
      q
        .select({ id: tenants.id, proof: tenants.keyProof })
        .from(tenants)
        .where(gt(tenants.id, from))
        .orderBy(asc(tenants.id))
        .limit(proofsPerRead),
    );
    for (const { id, proof } of read) {
      if (proof === proofOf(ctx, id)) continue;
      throw new ConfigError(
        `HUALU_SECRET_KEY: this key does not open what tenant "${id}" has sealed in the database; ` +
          "start with the key that it was made with (the variable, or the file secret-key in its data folder)",
      );
    }
    const last = read.at(-1);
    if (last === undefined || read.length < proofsPerRead) return;
    after = last.id;
  }
}

export async function listTenants(ctx: Context): Promise<TenantView[]> {
  const found = await ctx.db.run((q) => q.select().from(tenants).orderBy(asc(tenants.id)));
  return found.map(({ id, name, created }) => ({ id, name, created: created.toISOString() }));
}
