/** Customers are not called too often, whichever channel does it: blacklist and frequency, over all instances. */
import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { recordset, rows } from "../../db/sql.ts";
import type { Settings } from "../auth/settings.ts";

/** One customer whom one call would ring. */
export interface Contact {
  tenant: string;
  /** Keyed hash of the number. */
  index: string;
}

/** Which rule stops a call, and until when; null = for as long as the rule stands. */
export interface Stop {
  rule: "blacklist" | "window" | "frequency-day" | "frequency-5min";
  until: Date | null;
}

type CallRules = Pick<Settings, "customerCallsPerDay" | "customerCallsPer5Minutes">;

/** What is known of a customer. */
export interface Contacts {
  blacklisted: { until: Date | null } | null;
  /** When calls that rang them, or may have, were dialed in the last 24 h: epoch milliseconds, latest first. */
  calls: number[];
}

const dayMs = 86_400_000;
const fiveMinutesMs = 300_000;
/** No setting asks for more. */
const callsMax = 1_000;

export const nameOf = ({ tenant, index }: Contact): string => `${tenant}/${index}`;

/** Held until the end of the transaction: two calls to one customer are decided one after the other. */
export async function lockContacts(q: Query, contacts: readonly Contact[]): Promise<void> {
  if (contacts.length === 0) return;
  const names = contacts.map((contact) => ({ name: `customer ${nameOf(contact)}` }));
  await q.execute(sql`
    select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended(name, 0) as key from ${recordset(names, "asked(name text)")} order by 1) as keys`);
}

/**
 * Counted are calls whose customer leg was dialed or may have been. Those that were not: no line ever had room, every
 * provider said no, or the agent's leg was never answered. Missing news proves nothing.
 */
export async function readContacts(q: Query, contacts: readonly Contact[], now: Date): Promise<Map<string, Contacts>> {
  if (contacts.length === 0) return new Map();
  const at = now.toISOString();
  const found = await q.execute(sql`
    select asked.tenant, asked.index, listed.id as listed, listed.expires, called.times
    from ${recordset(contacts, "asked(tenant text, index text)")}
    left join lateral (
      select id, expires from phone_blacklist black
      where black.tenant = asked.tenant and black.phone_index = asked.index and (expires is null or expires > ${at})) listed on true
    left join lateral (
      select array_to_json(array_agg((extract(epoch from created) * 1000)::bigint order by created desc)) as times from (
        select created from call_records record
        where record.tenant = asked.tenant and record.called_index = asked.index and not rings_nobody
          and direction = 'outbound'
          and not (state = 'close' and (line_id is null
            or (provider_call_id is null and hangup_cause is distinct from 'TIMEOUT')))
          and not (state = 'close' and close_type in ('1', '3') and b_call_time is null and b_ring_time is null
            and b_offhook_time is null and not answered)
        order by created desc limit ${callsMax}) as one
      where created > ${new Date(now.getTime() - dayMs).toISOString()}) called on true`);
  return new Map(
    rows<{ tenant: string; index: string; listed: string | null; expires: string | null; times: number[] | null }>(
      found,
    ).map((row) => [
      nameOf(row),
      {
        blacklisted: row.listed === null ? null : { until: row.expires === null ? null : new Date(row.expires) },
        calls: row.times ?? [],
      },
    ]),
  );
}

/** Pure. */
export function stopOf({ blacklisted, calls }: Contacts, settings: CallRules, exempt: boolean, now: Date): Stop | null {
  if (blacklisted !== null) return { rule: "blacklist", until: blacklisted.until };
  if (exempt) return null;
  const { customerCallsPerDay: perDay, customerCallsPer5Minutes: perFive } = settings;
  const ofDay = perDay > 0 ? calls[perDay - 1] : undefined;
  if (ofDay !== undefined && ofDay > now.getTime() - dayMs) {
    return { rule: "frequency-day", until: new Date(ofDay + dayMs) };
  }
  const ofFive = perFive > 0 ? calls[perFive - 1] : undefined;
  if (ofFive !== undefined && ofFive > now.getTime() - fiveMinutesMs) {
    return { rule: "frequency-5min", until: new Date(ofFive + fiveMinutesMs) };
  }
  return null;
}
