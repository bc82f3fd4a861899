import { hash } from "node:crypto";
import { and, asc, count, eq, isNull, sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { apiKeys, tenants } from "../../db/schema/index.ts";
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import { Refusal } from "../domain/refusal.ts";
import { type Scope, scopes } from "./principal.ts";

const keyPrefix = "hk_";
const keyLength = 40;
const hintLength = 7;
const liveKeysMax = 1_000;

/** What can stand after `Bearer` and is long enough not to be guessed; the admin key from the settings too. */
export const keyPattern = /^[\x21-\x7e]{24,200}$/;

export interface KeyView {
  id: string;
  name: string;
  hint: string;
  scopes: Scope[];
  created: string;
  revoked: string | null;
}

/** A fresh key, known to nobody yet. */
export function newKey(randomBytes: (size: number) => Uint8Array): string {
  return keyPrefix + randomLetters(keyLength, randomBytes);
}

export function hashOfKey(key: string): string {
  return hash("sha256", key, "base64url");
}

/** Scopes as stored, read back; a scope that this version does not know gives nothing. */
export function knownScopes(stored: readonly string[]): Scope[] {
  return scopes.filter((scope) => stored.includes(scope));
}

/** Makes a key. It is returned this once and kept nowhere. */
export async function makeKey(
  ctx: Context,
  tenant: string,
  wanted: { name: string; scopes: readonly Scope[] },
): Promise<{ id: string; key: string }> {
  const key = newKey(ctx.randomBytes);
  const row = newRow(ctx, tenant, key, wanted.name, wanted.scopes);
  await ctx.db.tx(async (q) => {
    const [known] = await q.select({ id: tenants.id }).from(tenants).where(eq(tenants.id, tenant));
    if (known === undefined) throw new Refusal("not_found", "There is no such tenant.");
    const live = and(eq(apiKeys.tenant, tenant), isNull(apiKeys.revoked));
    const [keys] = await q.select({ live: count() }).from(apiKeys).where(live);
    if ((keys?.live ?? 0) >= liveKeysMax)
      throw new Refusal("conflict", `A tenant has at most ${liveKeysMax} keys: revoke some.`);
    await q.insert(apiKeys).values(row);
  });
  return { id: row.id, key };
}

/**
 * Makes a given key valid with all scopes, also after it was revoked: it comes from the settings, and they have the
 * last word. Many starts may do so at once.
 */
export async function ensureKey(ctx: Context, tenant: string, key: string, name: string): Promise<void> {
  if (!keyPattern.test(key)) throw new Error("a key has 24 to 200 visible ASCII characters");
  const row = newRow(ctx, tenant, key, name, scopes);
  await ctx.db.tx(async (q) => {
    await q.insert(apiKeys).values(row).onConflictDoNothing({ target: apiKeys.hash });
    await makeWhole(q, tenant, row.hash);
  });
}

async function makeWhole(q: Query, tenant: string, hash: string): Promise<void> {
  const [kept] = await q.select().from(apiKeys).where(eq(apiKeys.hash, hash));
  if (kept?.tenant !== tenant) throw new Error("the admin key already belongs to another tenant");
  if (kept.revoked === null && knownScopes(kept.scopes).length === scopes.length) return;
  await q
    .update(apiKeys)
    .set({ revoked: null, scopes: [...scopes] })
    .where(eq(apiKeys.hash, hash));
}

function newRow(ctx: Context, tenant: string, key: string, name: string, granted: readonly Scope[]) {
  return {
    id: `key_${randomLetters(16, ctx.randomBytes)}`,
    tenant,
    name,
    hash: hashOfKey(key),
    hint: key.slice(0, hintLength),
    scopes: knownScopes(granted),
    created: ctx.clock.now(),
  };
}

/** A tenant's keys, oldest first, revoked ones too. `after`: the id that the last page ended with. */
export async function listKeys(
  ctx: Context,
  tenant: string,
  page: { limit: number; after: string | null },
): Promise<KeyView[]> {
  const keys = await ctx.db.run((q) =>
    q
      .select()
      .from(apiKeys)
      .where(and(eq(apiKeys.tenant, tenant), page.after === null ? undefined : madeAfter(tenant, page.after)))
      .orderBy(asc(apiKeys.created), asc(apiKeys.id))
      .limit(page.limit),
  );
  return keys.map((key) => ({
    id: key.id,
    name: key.name,
    hint: key.hint,
    scopes: knownScopes(key.scopes),
    created: key.created.toISOString(),
    revoked: key.revoked?.toISOString() ?? null,
  }));
}

function madeAfter(tenant: string, id: string) {
  return sql`(${apiKeys.created}, ${apiKeys.id}) > (
    select made.created, made.id from ${apiKeys} made where made.tenant = ${tenant} and made.id = ${id})`;
}

/** False where the tenant has no such key; a key already revoked stays so. */
export async function revokeKey(ctx: Context, tenant: string, id: string): Promise<boolean> {
  const now = ctx.clock.now();
  const revoked = await ctx.db.run((q) =>
    q
      .update(apiKeys)
      .set({ revoked: sql`coalesce(${apiKeys.revoked}, ${now.toISOString()}::timestamptz)` })
      .where(and(eq(apiKeys.tenant, tenant), eq(apiKeys.id, id)))
      .returning({ id: apiKeys.id }),
  );
  return revoked.length > 0;
}
