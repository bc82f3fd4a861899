/** The table behind the shared view. */
import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { changed, rows, textArray } from "../../db/sql.ts";
import type { LineHealth, Transition } from "./state.ts";

export interface Row {
  tenant: string;
  lineId: number;
  health: LineHealth;
  version: number;
  transitions: Transition[];
}

export interface Written extends Row {
  /** Its next probe is wanted no later than this. */
  probeBy: Date;
}

interface Found {
  tenant: string;
  line_id: number;
  health: LineHealth;
  version: number;
  trial_call: string | null;
  trial_until: string | number | null;
  transitions: Transition[];
}

const columns = sql`tenant, line_id, health, version, trial_call,
  (extract(epoch from trial_until) * 1000)::bigint as trial_until, transitions`;

/** Who tries is written by one statement of its own, past the state: the columns say so. */
function rowOf(found: Found): Row {
  const { mode } = found.health;
  const { trial_call: callId, trial_until: until } = found;
  const trial = callId === null || until === null ? null : { callId, until: Number(until) };
  const health: LineHealth = mode.is === "down" ? { ...found.health, mode: { ...mode, trial } } : found.health;
  const { tenant, line_id: lineId, version, transitions } = found;
  return { tenant, lineId, health, version, transitions };
}

/** Locks lines, always in the order of their ids. */
export async function lockRows(q: Query, lineIds: readonly number[]): Promise<Row[]> {
  const found = await q.execute(sql`
    select ${columns} from line_health where line_id = any(${textArray(lineIds)}::int[]) order by line_id for update`);
  return rows<Found>(found).map(rowOf);
}

/** What other instances wrote since then. */
export async function rowsSince(q: Query, since: Date, writer: string): Promise<Row[]> {
  const found = await q.execute(sql`
    select ${columns} from line_health where updated >= ${since.toISOString()} and writer <> ${writer}`);
  return rows<Found>(found).map(rowOf);
}

export async function rowsOf(q: Query, tenant: string): Promise<Row[]> {
  const found = await q.execute(sql`select ${columns} from line_health where tenant = ${tenant} order by line_id`);
  return rows<Found>(found).map(rowOf);
}

export async function insertRows(
  q: Query,
  lines: readonly Pick<Row, "tenant" | "lineId" | "health">[],
  writer: string,
  now: Date,
): Promise<void> {
  await q.execute(sql`
    insert into line_health (tenant, line_id, health, version, writer, updated, probe_due)
    select tenant, line_id::int, health::jsonb, 0, ${writer}, ${now.toISOString()}::timestamptz, ${now.toISOString()}::timestamptz
    from unnest(${textArray(lines.map((one) => one.tenant))}, ${textArray(lines.map((one) => one.lineId))},
      ${textArray(lines.map((one) => stored(one.health)))}) as made(tenant, line_id, health)
    on conflict do nothing`);
}

export async function writeRows(q: Query, lines: readonly Written[], writer: string, now: Date): Promise<void> {
  const column = (of: (line: Written) => string | number | Date | null) => textArray(lines.map(of));
  const down = (line: Written) => (line.health.mode.is === "down" ? line.health.mode : null);
  const at = (ms: number | null | undefined): Date | null => (ms == null ? null : new Date(ms));
  await q.execute(sql`
    update line_health as line set health = news.health::jsonb, version = news.version::int, writer = ${writer},
      updated = ${now.toISOString()}::timestamptz, transitions = news.transitions::jsonb,
      trial_from = news.trial_from::timestamptz, trial_call = news.trial_call,
      trial_until = news.trial_until::timestamptz, probe_due = least(line.probe_due, news.probe_by::timestamptz)
    from unnest(${column((one) => one.lineId)}, ${column((one) => stored(one.health))},
      ${column((one) => one.version)}, ${column((one) => JSON.stringify(one.transitions))},
      ${column((one) => at(down(one)?.halfOpenSince))}, ${column((one) => down(one)?.trial?.callId ?? null)},
      ${column((one) => at(down(one)?.trial?.until))}, ${column((one) => one.probeBy)})
      as news(line_id, health, version, transitions, trial_from, trial_call, trial_until, probe_by)
    where line.line_id = news.line_id::int`);
}

/** Lists of lines show it. */
export async function showStates(q: Query, lines: readonly Pick<Row, "lineId" | "health">[]): Promise<void> {
  await q.execute(sql`
    update call_lines as line set health = news.state
    from unnest(${textArray(lines.map((one) => one.lineId))}, ${textArray(lines.map((one) => one.health.mode.is))})
      as news(line_id, state)
    where line.id = news.line_id::int`);
}

/** One statement decides who may try: of all instances and calls, one. */
export async function claimTrial(
  q: Query,
  lineId: number,
  callId: string,
  at: { now: Date; until: Date; writer: string },
): Promise<boolean> {
  const now = at.now.toISOString();
  const taken = await q.execute(sql`
    update line_health set trial_call = ${callId}, trial_until = ${at.until.toISOString()}, updated = ${now},
      writer = ${at.writer}, version = version + 1
    where line_id = ${lineId} and trial_from <= ${now} and (trial_call is null or trial_until <= ${now})`);
  return changed(taken) === 1;
}

/** Lines whose probe is due, each for one instance; their next round is written at once, lest a crash stop it. */
export async function claimProbes(q: Query, limit: number, now: Date, next: Date): Promise<number[]> {
  const claimed = await q.execute(sql`
    update line_health set probe_due = ${next.toISOString()} where line_id in (
      select health.line_id from line_health health join call_lines line on line.id = health.line_id
      where health.probe_due <= ${now.toISOString()} and line.status = 'active' and line.archived is null
      order by health.probe_due limit ${limit} for update of health skip locked)
    returning line_id`);
  return rows<{ line_id: number }>(claimed).map((row) => row.line_id);
}

/** To six digits behind the point: no decision needs more, and a long fraction reads like a phone number to a scan. */
function stored(health: LineHealth): string {
  return JSON.stringify(health, (_, value) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toFixed(6)) : value,
  );
}
