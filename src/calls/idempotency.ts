import { and, eq, sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { idempotency } from "../../db/schema/index.ts";
import { changed } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { Refusal } from "../domain/refusal.ts";

/** A keyed hash of every field, so that a conflict can be named without keeping what was asked. */
export function fingerprintOf(ctx: Context, tenant: string, request: object): Record<string, string> {
  const fields = Object.entries(request).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    fields.map(([field, value]) => [field, ctx.seal.index(tenant, `idempotency:${field}`, JSON.stringify(value))]),
  );
}

/** Apps make keys of what they have at hand, numbers too: what is kept is a keyed hash. */
export function keyHashOf(ctx: Context, tenant: string, key: string): string {
  return ctx.seal.index(tenant, "idempotency-key", key);
}

/** Claims a key for a call. False where another request has it. */
export async function claimKey(
  q: Query,
  tenant: string,
  key: string,
  fingerprint: Record<string, string>,
  callId: string,
  now: Date,
): Promise<boolean> {
  const claimed = await q.execute(sql`
    insert into idempotency (tenant, key, fingerprint, call_id, created)
    values (${tenant}, ${key}, ${JSON.stringify(fingerprint)}::jsonb, ${callId}, ${now.toISOString()}) on conflict do nothing`);
  return changed(claimed) === 1;
}

/** The call that a key stands for; null where the key is new. A Refusal where it stood for another request. */
export async function replayOf(
  q: Query,
  tenant: string,
  key: string,
  fingerprint: Record<string, string>,
): Promise<string | null> {
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
