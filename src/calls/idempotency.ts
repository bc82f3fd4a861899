import { and, eq, type SQL, sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { idempotency } from "../../db/schema/index.ts";
import { changed, recordset } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { Refusal } from "../domain/refusal.ts";

/** What a request claims its key with. */
export interface Claim {
  /** A keyed hash: apps make keys of what they have at hand, numbers too. */
  key: string;
  /** A keyed hash of every field, so that a conflict can be named without keeping what was asked. */
  fingerprint: Record<string, string>;
}

export function claimOf(ctx: Context, tenant: string, key: string, request: object): Claim {
  const fields = Object.entries(request).filter(([, value]) => value !== undefined);
  return {
    key: ctx.seal.index(tenant, "idempotency-key", key),
    fingerprint: Object.fromEntries(
      fields.map(([field, value]) => [field, ctx.seal.index(tenant, `idempotency:${field}`, JSON.stringify(value))]),
    ),
  };
}

/**
 * The change that claims keys, in their order; it returns the calls that have theirs now. The other keys belong to
 * earlier calls.
 */
export function keyRows(claims: readonly (Claim & { tenant: string; callId: string; now: Date })[]): SQL | null {
  if (claims.length === 0) return null;
  const news = claims.map(({ tenant, key, fingerprint, callId, now }) => ({ tenant, key, fingerprint, callId, now }));
  return sql`
    insert into idempotency (tenant, key, fingerprint, call_id, created)
    select tenant, key, fingerprint, "callId", now
    from ${recordset(news, `news(tenant text, key text, fingerprint jsonb, "callId" text, now timestamptz)`)}
    order by tenant, key on conflict do nothing returning call_id`;
}

/** Gives keys back whose calls are not made after all; in the transaction that claimed them. */
export async function unclaimKeys(q: Query, keys: readonly { tenant: string; key: string }[]): Promise<void> {
  if (keys.length === 0) return;
  const claimed = keys.map(({ tenant, key }) => ({ tenant, key }));
  await q.execute(sql`
    delete from idempotency using ${recordset(claimed, "mine(tenant text, key text)")}
    where idempotency.tenant = mine.tenant and idempotency.key = mine.key`);
}

/** The call that a key stands for; null where the key is new. A Refusal where it stood for another request. */
export async function replayOf(q: Query, tenant: string, { key, fingerprint }: Claim): Promise<string | null> {
  const [earlier] = await q
    .select()
    .from(idempotency)
    .where(and(eq(idempotency.tenant, tenant), eq(idempotency.key, key)));
  if (earlier === undefined) return null;
  const names = new Set([...Object.keys(earlier.fingerprint), ...Object.keys(fingerprint)]);
  const differing = [...names].filter((name) => earlier.fingerprint[name] !== fingerprint[name]).sort();
  if (differing.length === 0) return earlier.callId;
  throw new Refusal(
    "idempotency_conflict",
    `该键已用于另一请求，不同的字段：${differing.join(", ")} · the key was used for another request; these fields differ: ${differing.join(", ")}`,
    { fields: differing.map((field) => ({ field, message: "differs from the first request with this key" })) },
  );
}

/** Forgets keys after their time. Returns how many went. */
export async function forgetKeys(ctx: Context, before: Date): Promise<number> {
  return changed(
    await ctx.db.run((q) => q.execute(sql`delete from idempotency where created < ${before.toISOString()}`)),
  );
}
