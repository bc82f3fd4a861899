/** What chance alone would do to a line: how many failures are no accident at its own rate and error share. */
import type { Evidence } from "./state.ts";

/** Below so many samples a line has no history: its channel's defaults stand in. */
export const historyMin = 50;
const shareDefault = 0.02;
const shareMin = 0.005;
const shareMax = 0.05;
/** What a sick line is taken to fail of its calls: half of them, or only more than it should. */
const sickShare = 0.5;
const uneasyShare = 0.15;
/** A healthy line may be taken out by accident less often than once in so many hours. */
const hoursPerAccident = 10_000;
const hoursPerWorry = 1_000;
const streakMin = 5;
const streakMax = 8;

/**
 * The share of calls that this line fails in ordinary times, a deviation above what was counted: where it is taken for
 * too small, accidents look like sickness.
 */
export function ownShare({ history }: Evidence, ifUntried = shareDefault): number {
  if (history.calls < historyMin) return ifUntried;
  const share = history.failures / history.calls;
  return Math.min(shareMax, Math.max(shareMin, share + Math.sqrt(share / history.calls)));
}

/** Calls an hour, as they came lately; at least one in ten seconds, so that a burst on a quiet line is no accident. */
function perHour({ history, minute }: Evidence): number {
  return Math.max(360, history.perHour, 60 * minute.calls);
}

/**
 * How many failures in a row take a line out: five, or as many as chance would bring less than once in 12,500 hours.
 * At 2 % errors and ten calls a second, five in a row come by accident once in 9,000 hours.
 */
export function streakLimit(evidence: Evidence): number {
  const odds = perHour(evidence) * 12_500;
  // A line without a history gets no benefit of the doubt: its first five failures are enough.
  const share = ownShare(evidence, shareMin);
  let limit = streakMin;
  while (limit < streakMax && odds * share ** limit > 1) limit += 1;
  return limit;
}

/**
 * Wald's sum of log odds, restarted at zero (Page's CUSUM): each outcome adds how much likelier a sick line makes it
 * than this one in health. The limit follows from how rarely chance may reach it; the terms taken off were computed
 * for shares of 2 % (an accident in some 25,000 hours, whether at one call a second or at ten).
 */
export function doubtLimit(evidence: Evidence): number {
  return Math.log(perHour(evidence) * hoursPerAccident) - 0.7;
}
export function uneaseLimit(evidence: Evidence): number {
  return Math.log(perHour(evidence) * hoursPerWorry) - 0.7;
}

interface Steps {
  failure: number;
  success: number;
}
const stepsTo = (sick: number, own: number): Steps => ({
  failure: Math.log(sick / own),
  success: Math.log((1 - sick) / (1 - own)),
});
export const doubtSteps = (own: number): Steps => stepsTo(sickShare, own);
export const uneaseSteps = (own: number): Steps => stepsTo(uneasyShare, own);
