import type { PhoneNumber } from "../../channels/contract.ts";
import { samePhone } from "../domain/phone.ts";
import type { Entry } from "./book.ts";
import { draw } from "./draw.ts";
import type { LineState } from "./state.ts";

/** Why a line that could be used stands behind the others. */
export const behinds = ["share", "full", "daily_limit"] as const;
export type Behind = (typeof behinds)[number];

/**
 * What a line's place among the candidates follows from. Fields are compared in the order in which they stand here,
 * and for each of them less is better:
 *
 * 1. `behind`: lines that are only ramping up and whose share this call is not in come after all others; known to be
 *    full, they come last, since the reservation would refuse them. It refuses, not we: our count may be old.
 * 2. `place`: the order of the user's bindings.
 * 3. `trial`: a line that has to prove itself gets its one call now, before its equals.
 * 4. `keeps`: the customer is shown the number that they were shown last.
 * 5. `tier`: up before degraded.
 * 6. `cost` of a typical call on both legs; unknown is last.
 * 7. `load` in quarters, so that a call more or less does not move the next one elsewhere.
 * 8. `quality`: the share of answered calls in tenths; unknown is the middle.
 * 9. The line's id, so that the same input always gives the same order.
 */
export interface Rank {
  entry: Entry;
  behind: number;
  place: number;
  trial: boolean;
  keeps: boolean;
  tier: 0 | 1;
  cost: number;
  load: number;
  quality: number;
  why: Behind | null;
  /** Down: taken for its trial, or in need. */
  sick: boolean;
  uncertain: boolean;
  sickness: number;
}

/** What is the same for all lines of one choice. */
export interface Circumstances {
  seed: string;
  lastShown: LastShown | null;
}

/** How the customer was reached last: the number is what counts; a line without one may be known by itself. */
export interface LastShown {
  lineId: number;
  number: PhoneNumber | null;
}

export function rankOf(entry: Entry, place: number, state: LineState, { seed, lastShown }: Circumstances): Rank {
  const { line } = entry;
  const { health } = state;
  const full = fullness(entry, state);
  const out = isOut(entry, state, seed);
  return {
    entry,
    behind: (full === null ? 0 : 2) + (out ? 1 : 0),
    place,
    trial: health.trial,
    // Out of its share, it must not draw back all the customers that it once had.
    keeps: !out && lastShown !== null && keepsNumber(entry, lastShown),
    tier: health.state === "degraded" ? 1 : 0,
    cost: entry.cost,
    load: loadOf(line.maxConcurrent, state.inUse),
    quality: state.answered === null ? 5 : 10 - Math.floor(state.answered * 10),
    why: full ?? (out ? "share" : null),
    sick: health.state === "down",
    uncertain: health.uncertain,
    sickness: health.sickness,
  };
}

function fullness({ line }: Entry, { inUse, today }: LineState): Behind | null {
  if (line.maxConcurrent > 0 && inUse !== null && inUse >= line.maxConcurrent) return "full";
  return line.dailyLimit > 0 && today !== null && today >= line.dailyLimit ? "daily_limit" : null;
}

/** The line is ramping up, and this call is not in its share. A sick one has none: it is for its trial, or for need. */
function isOut({ line }: Entry, { health }: LineState, seed: string): boolean {
  return health.state !== "down" && health.share < 1 && draw(seed, line.id) >= health.share;
}

function keepsNumber({ line }: Entry, last: LastShown): boolean {
  return last.number === null
    ? last.lineId === line.id && line.shownNumber === null
    : samePhone(line.shownNumber, last.number);
}

/** 0 for a line of which less than a quarter is in use, without a limit, or that nobody has counted, up to 4: full. */
function loadOf(maxConcurrent: number, inUse: number | null): number {
  if (maxConcurrent === 0 || inUse === null) return 0;
  return Math.min(4, Math.floor((inUse * 4) / maxConcurrent));
}

export function compareRanks(one: Rank, other: Rank): number {
  return (
    one.behind - other.behind ||
    one.place - other.place ||
    Number(other.trial) - Number(one.trial) ||
    Number(other.keeps) - Number(one.keeps) ||
    one.tier - other.tier ||
    one.cost - other.cost ||
    one.load - other.load ||
    one.quality - other.quality ||
    one.entry.line.id - other.entry.line.id
  );
}

/** Where every line is sick: the one due for its trial, then the least sick, then as among well ones. */
export function compareInNeed(one: Rank, other: Rank): number {
  return Number(other.trial) - Number(one.trial) || one.sickness - other.sickness || compareRanks(one, other);
}

/** The best of many, in order, without sorting the rest. */
export function bestOf(ranks: readonly Rank[], max: number, compare: (one: Rank, other: Rank) => number): Rank[] {
  const best: Rank[] = [];
  for (const rank of ranks) {
    const worst = best.at(-1);
    if (best.length === max && worst !== undefined && compare(rank, worst) > 0) continue;
    let from = 0;
    for (let to = best.length; from < to; ) {
      const middle = (from + to) >> 1;
      if (compare(best[middle] as Rank, rank) < 0) from = middle + 1;
      else to = middle;
    }
    best.splice(from, 0, rank);
    if (best.length > max) best.pop();
  }
  return best;
}
