/** One line as this process sees it: what all agreed on last, and what it has seen since. */
import { type Around, observe, pass, type Step } from "./engine.ts";
import type { Observation } from "./observation.ts";
import { createPending, type Pending } from "./pending.ts";
import { type LineHealth, newLineHealth, type Transition } from "./state.ts";
import type { Traits } from "./usual.ts";

export interface Entry {
  tenant: string;
  lineId: number;
  accountId: string;
  name: string;
  channel: string;
  traits: Traits;
  /** As last read or written; version -1 = not yet. */
  shared: LineHealth;
  version: number;
  /** Seen here and not written yet, and the state with it: this process acts on that. */
  unwritten: Observation[];
  preview: LineHealth;
  pending: Pending;
}

const unwrittenMax = 2_000;
/** Two pieces of news within this say no more than one. */
const heardAgainMs = 100;

export function newEntry(
  line: Pick<Entry, "tenant" | "lineId" | "accountId" | "name" | "channel" | "traits">,
  now: number,
): Entry {
  const health = newLineHealth(now);
  return { ...line, shared: health, version: -1, unwritten: [], preview: health, pending: createPending() };
}

/** Takes in what was seen. True when the state has turned, so that the others should hear of it at once. */
export function take(entry: Entry, seen: Observation, around: Around): boolean {
  if (!merged(entry, seen)) {
    entry.unwritten.push(seen);
    // The database is away for long: the oldest says the least.
    if (entry.unwritten.length > unwrittenMax) entry.unwritten.shift();
  }
  return moved(entry, observe(entry.preview, seen, around));
}

/** Time passes. True when that turned the state. */
export function age(entry: Entry, around: Around): boolean {
  return moved(entry, pass(entry.preview, around));
}

function moved(entry: Entry, { health, transitions }: Step): boolean {
  const before = entry.preview;
  entry.preview = health;
  return transitions.length > 0 || halfOpenSince(before) !== halfOpenSince(health);
}

function halfOpenSince({ mode }: LineHealth): number | null {
  return mode.is === "down" ? mode.halfOpenSince : null;
}

/** Ordinary successes and news between two writes are one observation, so that their number is bounded. */
function merged(entry: Entry, seen: Observation): boolean {
  const last = entry.unwritten.at(-1);
  if (last?.is === "placed" && seen.is === "placed" && last.callId === null && seen.callId === null) {
    const count = last.count + seen.count;
    entry.unwritten[entry.unwritten.length - 1] = { ...last, at: seen.at, count, ms: Math.max(last.ms, seen.ms) };
    return true;
  }
  if (seen.is !== "heard" || seen.firstMs !== null) return false;
  return last?.is === "heard" && seen.at - last.at < heardAgainMs;
}

/** What was seen, upon what all agree on: at the times at which it was seen, then now. */
export function replay(
  shared: LineHealth,
  seen: readonly Observation[],
  around: Around,
): { health: LineHealth; transitions: Transition[] } {
  let health = shared;
  const transitions: Transition[] = [];
  for (const one of seen) {
    const step = observe(health, one, { ...around, now: Math.min(one.at, around.now) });
    health = step.health;
    transitions.push(...step.transitions);
  }
  const last = pass(health, around);
  return { health: last.health, transitions: [...transitions, ...last.transitions] };
}

/** Acts on a newer agreed state: what was seen since is laid upon it. */
export function adopt(entry: Entry, shared: LineHealth, version: number, around: Around): void {
  if (version < entry.version) return;
  entry.shared = shared;
  entry.version = version;
  entry.preview = replay(shared, entry.unwritten, around).health;
}
