import type { Fault } from "./cause.ts";
import type { Observation } from "./observation.ts";
import { doubtSteps, historyMin, ownShare, uneaseSteps } from "./odds.ts";
import type { Evidence } from "./state.ts";
import type { Traits } from "./usual.ts";

const minuteMs = 60_000;
/** The history forgets slowly: of so many calls. */
const historyCalls = 20_000;
const rateMemory = 0.8;
/** The slowest recent placement sinks by so much with each that is quicker. */
const sinking = 0.98;
const failingMemory = 0.9;
const unheardMax = 8;
const refusedPushesMax = 5;
const asrBlock = 30;
const asrPastMax = 2_000;
export const pddKept = 30;
const pddMemory = 0.9;
/** What came later than this is no first news. */
const firstMsMax = 30_000;
const hangAfterMinMs = 250;
const hangAfterMaxMs = 5_000;

/**
 * The evidence with one more observation. Placements on a line that is out of use (`counts` false) are a trial, not its
 * ordinary life: they leave its history alone.
 */
export function learn(before: Evidence, seen: Observation, traits: Traits, counts: boolean): Evidence {
  const evidence = counts ? rolled({ ...before }, seen.at) : { ...before };
  switch (seen.is) {
    case "placed":
      return succeeded(evidence, seen, traits, counts);
    case "returned": {
      const steps = doubtSteps(ownShare(evidence));
      evidence.doubt = Math.max(0, evidence.doubt - steps.failure);
      evidence.hung = Math.max(0, evidence.hung - 1);
      evidence.streak = 0;
      if (counts) evidence.minute.failures = Math.max(0, evidence.minute.failures - 1);
      evidence.slowMs = Math.max(evidence.slowMs, seen.ms);
      return seen.placed ? waiting(evidence, seen.sent, 1, traits) : evidence;
    }
    case "failed":
      if (seen.unknown) evidence.unknownAt = seen.at;
      return failed(evidence, seen.fault, seen.at, counts);
    case "hung":
      evidence.unknownAt = seen.at;
      evidence.hung += 1;
      return failed(evidence, "failing", seen.sent, counts);
    case "probe":
      return probed(evidence, seen.fault, seen.at);
    case "heard":
      return heard(evidence, seen.firstMs, seen.at);
    case "rang":
      return rang(evidence, seen.pddMs);
    case "ended":
      return { ...evidence, asr: counted(evidence.asr, seen.answered) };
    case "push-refused":
      return { ...evidence, refusedPushes: [...evidence.refusedPushes, seen.at].slice(-refusedPushesMax) };
    case "poll-lag":
      return { ...evidence, pollLagMs: seen.ms };
    case "answered":
    case "hold":
    case "release":
      return evidence;
    default:
      return seen satisfies never;
  }
}

/** What was seen of placements before a line was taken out, or let in again, says nothing of what comes. */
export function fresh(evidence: Evidence, now: number): Evidence {
  return {
    ...evidence,
    streak: 0,
    hung: 0,
    denied: null,
    doubt: 0,
    unease: 0,
    minute: { at: now, calls: 0, failures: 0 },
    good: 0,
    unheard: [],
    heardSinceDown: 0,
  };
}

/** A placement that is older than this is older than they ever were. */
export function hangAfterMs({ slowMs, answers }: Evidence, { placeMs }: Traits): number {
  const slowest = answers < historyMin ? Math.max(slowMs, placeMs) : slowMs;
  return Math.min(hangAfterMaxMs, Math.max(hangAfterMinMs, 1.5 * slowest + 50));
}

function rolled(evidence: Evidence, at: number): Evidence {
  const { minute, history } = evidence;
  if (at < minute.at + minuteMs) return { ...evidence, minute: { ...minute } };
  const minutes = Math.floor((at - minute.at) / minuteMs);
  const kept = 1 - Math.min(0.5, minute.calls / historyCalls);
  const rate = (60 * minute.calls) / minutes;
  const weight = history.calls === 0 ? 1 : 1 - rateMemory ** minutes;
  evidence.history = {
    calls: history.calls * kept + minute.calls,
    failures: history.failures * kept + minute.failures,
    perHour: history.perHour + (rate - history.perHour) * weight,
  };
  evidence.minute = { at: minute.at + minutes * minuteMs, calls: 0, failures: 0 };
  return evidence;
}

function succeeded(
  evidence: Evidence,
  { count, ms, sent }: { count: number; ms: number; sent: number },
  traits: Traits,
  counts: boolean,
): Evidence {
  const own = ownShare(evidence);
  evidence.streak = 0;
  evidence.hung = 0;
  evidence.denied = null;
  evidence.doubt = Math.max(0, evidence.doubt + count * doubtSteps(own).success);
  evidence.unease = Math.max(0, evidence.unease + count * uneaseSteps(own).success);
  evidence.failing *= failingMemory ** count;
  const sunk = evidence.slowMs + (ms - evidence.slowMs) * (1 - sinking ** count);
  evidence.slowMs = ms > evidence.slowMs ? ms : sunk;
  evidence.answers = Math.min(historyCalls, evidence.answers + count);
  if (counts) evidence.minute.calls += count;
  return waiting(evidence, sent, count, traits);
}

/** Placed, and not heard of: unless news has come since it was sent. */
function waiting(evidence: Evidence, sent: number, count: number, { pushed }: Traits): Evidence {
  const room = unheardMax - evidence.unheard.length;
  if (!pushed || room <= 0 || (evidence.heardAt !== null && sent <= evidence.heardAt)) return evidence;
  evidence.unheard = [...evidence.unheard, ...new Array<number>(Math.min(room, count)).fill(sent)];
  return evidence;
}

function failed(evidence: Evidence, fault: Fault, at: number, counts: boolean): Evidence {
  const own = ownShare(evidence);
  evidence.streakSince = evidence.streak === 0 ? at : Math.min(evidence.streakSince, at);
  evidence.streak += 1;
  evidence.denied = denials(evidence.denied, fault);
  evidence.doubt += doubtSteps(own).failure;
  evidence.unease += uneaseSteps(own).failure;
  evidence.failing = 1 - (1 - evidence.failing) * failingMemory;
  if (counts) {
    evidence.minute.calls += 1;
    evidence.minute.failures += 1;
  }
  return evidence;
}

function denials(before: Evidence["denied"], fault: Fault): Evidence["denied"] {
  if (fault === "failing") return null;
  return { fault, count: before?.fault === fault ? before.count + 1 : 1 };
}

function probed(evidence: Evidence, fault: Fault | null, at: number): Evidence {
  evidence.probedAt = at;
  evidence.misses = fault === null ? 0 : evidence.misses + 1;
  evidence.good = fault === null ? evidence.good + 1 : 0;
  evidence.deniedProbes = fault === null ? null : denials(evidence.deniedProbes, fault);
  return evidence;
}

function heard(evidence: Evidence, firstMs: number | null, at: number): Evidence {
  // What was sent after this news came has said nothing yet, however long the news lay in our inbox.
  evidence.unheard = evidence.unheard.filter((sent) => sent > at);
  evidence.refusedPushes = [];
  evidence.heardAt = Math.max(evidence.heardAt ?? at, at);
  evidence.heardSinceDown += 1;
  if (firstMs === null || firstMs > firstMsMax) return evidence;
  const sunk = evidence.firstMs + (firstMs - evidence.firstMs) * (1 - sinking);
  evidence.firstMs = firstMs > evidence.firstMs ? firstMs : sunk;
  evidence.firsts = Math.min(historyCalls, evidence.firsts + 1);
  return evidence;
}

function rang(evidence: Evidence, pddMs: number): Evidence {
  const { recent, count, past } = evidence.pdd;
  const kept = [...recent, Math.round(pddMs)].slice(-pddKept);
  const whole = (count + 1) % pddKept === 0;
  const middle = median(kept);
  const next = past === null ? middle : past * pddMemory + middle * (1 - pddMemory);
  evidence.pdd = { recent: kept, middle, count: Math.min(count + 1, historyCalls), past: whole ? next : past };
  return evidence;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;
}

function counted({ now, last, past }: Evidence["asr"], hit: boolean): Evidence["asr"] {
  const next: [number, number] = [now[0] + 1, now[1] + Number(hit)];
  if (next[0] < asrBlock) return { now: next, last, past };
  const kept = 1 - last[0] / asrPastMax;
  return { now: [0, 0], last: next, past: [past[0] * kept + last[0], past[1] * kept + last[1]] };
}
