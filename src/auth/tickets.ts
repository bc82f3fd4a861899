import { sql } from "drizzle-orm";
import { changed, rows } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import { Refusal } from "../domain/refusal.ts";
import { hashOfKey, knownScopes } from "./keys.ts";
import type { Principal } from "./principal.ts";

export const ticketSeconds = 30;
export const ticketPattern = /^tk_[a-z0-9]{40}$/;
const ticketLength = 40;
/** Of one tenant at one time; a desk needs one, for as long as it takes to connect. */
const liveTicketsMax = 5_000;
const sweptAtOnce = 100;

/** Who asks, and how much of what the key may see was meant for them. */
export interface Bearer extends Principal {
  /** Null = the tenant's calls, else only this user's. */
  userId: string | null;
}

/** Makes a ticket that works once, within `ticketSeconds`, for what its maker may do. It is returned this once. */
export async function makeTicket(ctx: Context, who: Bearer): Promise<{ ticket: string; expiresAt: Date }> {
  const ticket = `tk_${randomLetters(ticketLength, ctx.randomBytes)}`;
  const now = ctx.clock.now();
  const expiresAt = new Date(now.getTime() + ticketSeconds * 1000);
  const scopes = `{${who.scopes.join(",")}}`;
  const made = await ctx.db.run((q) =>
    q.execute(sql`
      with swept as (
        delete from tickets where hash in (
          select hash from tickets where until <= ${now.toISOString()} order by until limit ${sweptAtOnce}
          for update skip locked))
      insert into tickets (hash, tenant, key_id, user_id, scopes, until)
      select ${hashOfKey(ticket)}, ${who.tenant}, ${who.keyId}, ${who.userId}, ${scopes}::text[], ${expiresAt.toISOString()}::timestamptz
      where (select count(*) from tickets where tenant = ${who.tenant} and until > ${now.toISOString()}) < ${liveTicketsMax}`),
  );
  if (changed(made) === 0) {
    throw new Refusal("overloaded", "未使用的票据过多 · too many tickets that nobody has used", {
      retryAfterSeconds: ticketSeconds,
    });
  }
  return { ticket, expiresAt };
}

/**
 * Takes a ticket: of two that come with the same one, on whichever instance, one wins. Null for everything that is not
 * a ticket of ours, was used, has run out, or whose key was revoked since.
 */
export async function useTicket(ctx: Context, ticket: string): Promise<Bearer | null> {
  if (!ticketPattern.test(ticket)) return null;
  const taken = await ctx.db.run((q) =>
    q.execute(sql`
      with taken as (
        delete from tickets where hash = ${hashOfKey(ticket)} and until > ${ctx.clock.now().toISOString()}
        returning tenant, key_id, user_id, scopes)
      select taken.tenant, key_id, user_id, array_to_string(taken.scopes, ',') as scopes from taken
      join api_keys on api_keys.tenant = taken.tenant and api_keys.id = key_id and revoked is null`),
  );
  const [row] = rows<{ tenant: string; key_id: string; user_id: string | null; scopes: string }>(taken);
  if (row === undefined) return null;
  return { tenant: row.tenant, keyId: row.key_id, userId: row.user_id, scopes: knownScopes(row.scopes.split(",")) };
}
