import type { Cause } from "./cause.ts";
import type { HealthView } from "./view.ts";

/** What a line does now. Times are epoch milliseconds. */
export type Mode =
  | { is: "up"; since: number; rampFrom: number | null }
  | { is: "degraded"; since: number; rampFrom: number | null; cause: Cause }
  | Down
  | { is: "held"; since: number; by: string; reason: string };

export interface Down {
  is: "down";
  since: number;
  cause: Cause;
  /** No trial before this. */
  until: number;
  /** Its probes may be well while its calls fail: then only a call can show that it works again. */
  gray: boolean;
  uncertain: boolean;
  /** Since when a trial may be placed. */
  halfOpenSince: number | null;
  trial: Trial | null;
}

/** The one call that is placed to see. Its lease ends by itself, lest a crash keep the line away for ever. */
export interface Trial {
  callId: string;
  until: number;
}

/** Everything known of a line's health: JSON, of bounded size. */
export interface LineHealth {
  mode: Mode;
  /** How often in a row it went down without a good while between. */
  ejections: number;
  /** Since when it has not been down or held. */
  inUseSince: number;
  /** Transitions so far. */
  count: number;
  evidence: Evidence;
}

export interface Evidence {
  // Placements.
  /** Failures in a row, how many of them were placements without an answer, and when the first came. */
  streak: number;
  hung: number;
  streakSince: number;
  /** The streak of refusals for one reason that no other call will escape. */
  denied: { fault: "credentials" | "balance"; count: number } | null;
  /** Evidence for "it fails half of the calls" and for "it fails more than it used to", as sums of log odds. */
  doubt: number;
  unease: number;
  /** Share of failures among the last ten or so placements. */
  failing: number;
  /** When an outcome was last left unknown. */
  unknownAt: number | null;
  /** The minute that runs; becomes history when it is over. */
  minute: { at: number; calls: number; failures: number };
  history: { calls: number; failures: number; perHour: number };
  /** How long the slowest recent placement took, sinking slowly; of so many. */
  slowMs: number;
  answers: number;
  // Probes.
  misses: number;
  good: number;
  deniedProbes: { fault: "credentials" | "balance"; count: number } | null;
  probedAt: number | null;
  // News.
  /** When the first placements since the last news were sent. */
  unheard: number[];
  heardAt: number | null;
  heardSinceDown: number;
  firstMs: number;
  firsts: number;
  refusedPushes: number[];
  pollLagMs: number;
  // Quality.
  asr: Share;
  /** The last thirty, their median, and the median of those before. */
  pdd: { recent: number[]; middle: number; count: number; past: number | null };
}

/** A share over two blocks of recent samples and over all before them; each is [samples, hits]. */
export interface Share {
  now: [number, number];
  last: [number, number];
  past: [number, number];
}

/** One change, as events, views and metrics tell it. */
export interface Transition {
  /** Counts up for each line. */
  number: number;
  from: HealthView["state"];
  to: HealthView["state"];
  cause: Cause;
  at: number;
  /** An operator's words. */
  reason: string | null;
}

export function newLineHealth(now: number): LineHealth {
  const mode: Mode = { is: "up", since: now, rampFrom: null };
  return { mode, ejections: 0, inUseSince: now, count: 0, evidence: noEvidence(now) };
}

function noEvidence(now: number): Evidence {
  return {
    streak: 0,
    hung: 0,
    streakSince: 0,
    denied: null,
    doubt: 0,
    unease: 0,
    failing: 0,
    unknownAt: null,
    minute: { at: now, calls: 0, failures: 0 },
    history: { calls: 0, failures: 0, perHour: 0 },
    slowMs: 0,
    answers: 0,
    misses: 0,
    good: 0,
    deniedProbes: null,
    probedAt: null,
    unheard: [],
    heardAt: null,
    heardSinceDown: 0,
    firstMs: 0,
    firsts: 0,
    refusedPushes: [],
    pollLagMs: 0,
    asr: { now: [0, 0], last: [0, 0], past: [0, 0] },
    pdd: { recent: [], middle: 0, count: 0, past: null },
  };
}
