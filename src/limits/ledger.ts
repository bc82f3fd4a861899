/** What is counted against limits, over all instances: under the lock of each row, in the caller's transaction. */
import { type SQL, sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { recordset, rows, textArray } from "../../db/sql.ts";
import type { Clock } from "../clock.ts";
import { type Count, countOne, type Full, type Limit, roomIn } from "./limit.ts";

export interface Ledger {
  /** When the locks were there: what others counted lies before it, however long they were waited for. */
  now: Date;
  /** Counts a placement that leaves at `at` against all of these, or against none where one has no room: then which. */
  take(limits: readonly Limit[], at: Date): Full | null;
  /** A provider said no to a placement of that day: it was none. Rates keep it, since a request did leave. */
  giveBack(limits: readonly Limit[], sent: Date): void;
  /** Writes what has been counted. */
  save(): Promise<void>;
}

const nameOf = ({ scope, key }: Pick<Limit, "scope" | "key">): string => `${scope}/${key}`;

/** Limits under lock, before what is counted of them has been read. */
export interface LockedLedger extends Pick<Ledger, "now"> {
  read(): Promise<Ledger>;
}

/** Locks these limits, in the order of their names. */
export async function lockLedger(q: Query, limits: readonly Limit[], clock: Clock): Promise<LockedLedger> {
  const wanted = [...new Map(limits.map((limit) => [nameOf(limit), limit])).values()];
  const locked = wanted.length === 0 ? new Map<string, Row>() : await lockAll(q, wanted);
  const now = clock.now();
  return {
    now,
    async read() {
      return ledgerOf(q, now, wanted.length === 0 ? new Map() : await readCounts(q, wanted, locked, now));
    },
  };
}

/** Locks these limits and reads what has been counted of each. */
export async function openLedger(q: Query, limits: readonly Limit[], clock: Clock): Promise<Ledger> {
  return (await lockLedger(q, limits, clock)).read();
}

function ledgerOf(q: Query, now: Date, counts: ReadonlyMap<string, Count>): Ledger {
  const changed = new Set<Count>();
  const countsOf = (some: readonly Limit[]): Count[] => some.flatMap((limit) => counts.get(nameOf(limit)) ?? []);
  return {
    now,
    take(some, at) {
      const mine = countsOf(some);
      for (const count of mine) {
        const full = roomIn(count, at);
        if (full !== null) return full;
      }
      for (const count of mine) {
        countOne(count, at);
        changed.add(count);
      }
      return null;
    },
    giveBack(some, sent) {
      for (const count of countsOf(some)) {
        count.inUse = Math.max(0, count.inUse - 1);
        if (sent >= count.limit.day.start) count.today = Math.max(0, count.today - 1);
        changed.add(count);
      }
    },
    async save() {
      if (changed.size === 0) return;
      const news = [...changed].map(({ limit, recent, today }) => {
        return { scope: limit.scope, key: limit.key, recent, day: dayKept(limit), today };
      });
      await q.execute(sql`
        update limit_counts as counted set recent = news.recent, day = news.day, today = news.today
        from ${recordset(news, "news(scope text, key text, recent jsonb, day text, today int)")}
        where counted.scope = news.scope and counted.key = news.key`);
    },
  };
}

interface Row {
  scope: string;
  key: string;
  recent: number[];
  day: string;
  today: number;
}

/**
 * Which day a count is of: by its start, since a tenant that moves to another zone has another day of the same name.
 * Nothing where no day is limited: a limit that is set later must count what was placed before.
 */
function dayKept({ daily, day }: Limit): string {
  return daily > 0 ? String(day.start.getTime() / 1000) : "";
}

async function lockAll(q: Query, limits: readonly Limit[]): Promise<Map<string, Row>> {
  // All that are missing before any is locked: whoever waits for another's new row holds none that the other wants.
  const [, found] = await Promise.all([insertRows(q, limits), lockRows(q, limits)]);
  return found;
}

async function readCounts(
  q: Query,
  limits: readonly Limit[],
  found: ReadonlyMap<string, Row>,
  now: Date,
): Promise<Map<string, Count>> {
  const stale = limits.filter((limit) => limit.daily > 0 && found.get(nameOf(limit))?.day !== dayKept(limit));
  const [today, inUse] = await Promise.all([countToday(q, stale), countInUse(q, limits, now)]);
  return new Map(
    limits.map((limit) => {
      const name = nameOf(limit);
      const row = found.get(name);
      return [
        name,
        {
          limit,
          recent: row?.recent ?? [],
          today: today.get(name) ?? row?.today ?? 0,
          inUse: inUse.get(name) ?? 0,
        },
      ];
    }),
  );
}

async function lockRows(q: Query, limits: readonly Limit[]): Promise<Map<string, Row>> {
  const asked = limits.map(({ scope, key }) => ({ scope, key }));
  const found = await q.execute(sql`
    select counted.scope, counted.key, recent, day, today from ${recordset(asked, "asked(scope text, key text)")}
    join limit_counts counted on counted.scope = asked.scope and counted.key = asked.key
    order by counted.scope, counted.key for update of counted`);
  return new Map(rows<Row>(found).map((row) => [`${row.scope}/${row.key}`, row]));
}

/** Of no day, so that the first use counts what has been placed before the limit was set. */
async function insertRows(q: Query, limits: readonly Limit[]): Promise<void> {
  const news = limits.map(({ scope, key, tenant }) => ({ scope, key, tenant }));
  await q.execute(sql`
    insert into limit_counts (scope, key, tenant, day, today)
    select scope, key, tenant, '', 0 from ${recordset(news, "news(scope text, key text, tenant text)")}
    where not exists (select from limit_counts counted where counted.scope = news.scope and counted.key = news.key)
    order by scope, key on conflict do nothing`);
}

/** Accepted placements since the day began, from the records: at the day's first use, or a limit's. */
async function countToday(q: Query, limits: readonly Limit[]): Promise<Map<string, number>> {
  const counted = await Promise.all(
    limits.map(async (limit): Promise<[string, number]> => {
      const of: Record<Limit["scope"], SQL> = {
        line: sql`and line_id = ${Number.parseInt(limit.key, 10) || 0}`,
        agent: sql`and (caller_index = ${limit.key} or (caller_index is null and agent = ${limit.key}))`,
        tenant: sql``,
      };
      const found = await q.execute(sql`
        select count(*)::int as placed from call_records
        where tenant = ${limit.tenant} and created >= ${limit.day.start.toISOString()} ${of[limit.scope]}
          and line_id is not null and (state <> 'close' or provider_call_id is not null or hangup_cause = 'TIMEOUT')`);
      return [nameOf(limit), rows<{ placed: number }>(found)[0]?.placed ?? 0];
    }),
  );
  return new Map(counted);
}

/** Attempts that are open, or ended without proof and may still take up their line. */
async function countInUse(q: Query, limits: readonly Limit[], now: Date): Promise<Map<string, number>> {
  const limited = limits.filter((limit) => limit.maxConcurrent > 0);
  const [lines, tenants] = await Promise.all([
    countLines(
      q,
      limited.filter(({ scope }) => scope === "line"),
      now,
    ),
    countTenants(
      q,
      limited.filter(({ scope }) => scope === "tenant"),
      now,
    ),
  ]);
  return new Map([...lines, ...tenants]);
}

async function countLines(q: Query, limits: readonly Limit[], now: Date): Promise<[string, number][]> {
  if (limits.length === 0) return [];
  const found = await q.execute(sql`
    select line_id, count(*)::int as used from call_attempts
    where tenant = any(${textArray([...new Set(limits.map(({ tenant }) => tenant))])})
      and line_id = any(${textArray(limits.map(({ key }) => key))}::int[]) and (open or held_until > ${now.toISOString()})
    group by line_id`);
  return rows<{ line_id: number; used: number }>(found).map((row) => [`line/${row.line_id}`, row.used]);
}

async function countTenants(q: Query, limits: readonly Limit[], now: Date): Promise<[string, number][]> {
  if (limits.length === 0) return [];
  const found = await q.execute(sql`
    select tenant, count(*)::int as used from call_attempts
    where tenant = any(${textArray(limits.map(({ tenant }) => tenant))}) and (open or held_until > ${now.toISOString()})
    group by tenant`);
  return rows<{ tenant: string; used: number }>(found).map((row) => [`tenant/${row.tenant}`, row.used]);
}
