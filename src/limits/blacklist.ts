import { and, asc, eq, gt, sql } from "drizzle-orm";
import type { PhoneNumber } from "../../channels/contract.ts";
import { phoneBlacklist } from "../../db/schema/index.ts";
import { rows } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import { Refusal } from "../domain/refusal.ts";
import { scrub } from "../log.ts";

/** A number that is not called; times as ISO 8601. */
export interface BlacklistEntry {
  id: string;
  /** Masked. */
  phone: string;
  reason: string | null;
  /** Null: for good. */
  expires: string | null;
  created: string;
}

export interface NewBlacklistEntry {
  phone: PhoneNumber;
  reason: string;
  expires: Date | null;
}

/** Lists a number, or gives the entry that it has a new reason and a new end; `isNew` tells which. */
export async function addToBlacklist(
  ctx: Context,
  tenant: string,
  { phone, reason, expires }: NewBlacklistEntry,
): Promise<{ entry: BlacklistEntry; isNew: boolean }> {
  const now = ctx.clock.now();
  if (expires !== null && expires <= now) {
    throw new Refusal("invalid", "到期时间已过 · the expiry has passed", {
      fields: [{ field: "expires", message: "必须在将来 · must lie in the future" }],
    });
  }
  const id = `black_${randomLetters(16, ctx.randomBytes)}`;
  const number = phone.reveal();
  // People write numbers into reasons, and no text column may hold one.
  const kept = scrub(reason);
  const [row] = rows<{ id: string; created: string | Date }>(
    await ctx.db.run((q) =>
      q.execute(sql`
        insert into phone_blacklist as listed (id, tenant, phone, phone_sealed, phone_index, reason, expires, created)
        values (${id}, ${tenant}, ${phone.masked}, ${ctx.seal.text(tenant, number)},
          ${ctx.seal.index(tenant, "phone", number)}, ${kept}, ${expires?.toISOString() ?? null}, ${now.toISOString()})
        on conflict (tenant, phone_index) do update set reason = excluded.reason, expires = excluded.expires
        returning listed.id, listed.created`),
    ),
  );
  const entry = {
    id: row?.id ?? id,
    phone: phone.masked,
    reason: kept,
    expires: expires?.toISOString() ?? null,
    created: new Date(row?.created ?? now).toISOString(),
  };
  return { entry, isNew: entry.id === id };
}

export async function listBlacklist(
  ctx: Context,
  tenant: string,
  page: { limit: number; after: string },
): Promise<BlacklistEntry[]> {
  const wanted = and(eq(phoneBlacklist.tenant, tenant), gt(phoneBlacklist.id, page.after));
  const found = await ctx.db.run((q) =>
    q.select().from(phoneBlacklist).where(wanted).orderBy(asc(phoneBlacklist.id)).limit(page.limit),
  );
  return found.map(({ id, phone, reason, expires, created }) => {
    return { id, phone, reason, expires: expires?.toISOString() ?? null, created: created.toISOString() };
  });
}

export async function removeFromBlacklist(ctx: Context, tenant: string, id: string): Promise<void> {
  const mine = and(eq(phoneBlacklist.tenant, tenant), eq(phoneBlacklist.id, id));
  const gone = await ctx.db.run((q) => q.delete(phoneBlacklist).where(mine).returning({ id: phoneBlacklist.id }));
  if (gone.length === 0) throw new Refusal("not_found", "没有这个条目 · no such entry");
}
