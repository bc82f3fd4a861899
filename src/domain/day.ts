import { type TimeFormat, timeFormat } from "../../channels/kit/zone.ts";

/** A day of a zone, as daily limits count them. */
export interface Day {
  /** `2026-01-31` */
  name: string;
  start: Date;
  /** When the next one begins. */
  end: Date;
}

const dayMs = 86_400_000;
const formats = new Map<string, TimeFormat>();
const latest = new Map<string, Day>();
const zonesMax = 500;

/** The zone's day that a moment belongs to. An unknown zone throws. */
export function dayOf(zone: string, at: Date): Day {
  // Asked for with every call, and nearly always the same: a zone is slow to ask.
  const known = latest.get(zone);
  if (known !== undefined && known.start <= at && at < known.end) return known;
  const name = inZone("yyyy-MM-dd", zone).write(at);
  const day = { name, start: startOf(name, zone), end: startOf(dayAfter(name), zone) };
  if (latest.size >= zonesMax) latest.clear();
  latest.set(zone, day);
  return day;
}

/** `HH:mm:ss` as clocks in a zone show it. */
export function wallClock(zone: string, at: Date): string {
  return inZone("HH:mm:ss", zone).write(at);
}

/** The first moment at or after `from` that a zone's clocks show this hour and minute (`08:00`). */
export function nextTime(zone: string, from: Date, time: string): Date {
  const today = inZone("yyyy-MM-dd", zone).write(from);
  for (const day of [today, dayAfter(today)]) {
    const at = inZone("yyyy-MM-dd HH:mm", zone).read(`${day} ${time}`);
    if (at !== null && at >= from) return at;
  }
  return new Date(from.getTime() + dayMs);
}

function dayAfter(name: string): string {
  return new Date(Date.parse(`${name}T00:00:00Z`) + dayMs).toISOString().slice(0, 10);
}

/** Where clocks skip midnight, the day begins with the first moment that they show. */
function startOf(name: string, zone: string): Date {
  for (const time of ["00:00", "01:00", "02:00"]) {
    const start = inZone("yyyy-MM-dd HH:mm", zone).read(`${name} ${time}`);
    if (start !== null) return start;
  }
  return new Date(`${name}T00:00:00Z`);
}

/** Making one asks for the zone's tables, so they are kept. */
function inZone(pattern: string, zone: string): TimeFormat {
  const key = `${pattern} ${zone}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  if (formats.size >= zonesMax) formats.clear();
  const made = timeFormat(pattern, zone);
  formats.set(key, made);
  return made;
}
