/** From evidence to verdicts: why a line should leave, or step back. Pure. */
import type { Cause } from "./cause.ts";
import { pddKept } from "./evidence.ts";
import { doubtLimit, historyMin, streakLimit, uneaseLimit } from "./odds.ts";
import type { Evidence } from "./state.ts";
import type { Traits } from "./usual.ts";

const streakMs = 1_000;
const streakMin = 5;
/** So many placements hang, and nothing has come back for a second: the fifth need not be waited for. */
const hungMin = 3;
const deniedMin = 2;
/** With one probe of twenty lost by accident, five in a row are lost once in 15,000 hours of probing. */
const missesMin = 5;
const silentMin = 5;
const silentAfterMinMs = 10_000;
const silentAfterMaxMs = 30_000;
const refusedPushesMin = 5;
const refusedWithinMs = 60_000;
const pollLateMs = 300_000;
const asrSamplesMin = 30;
/** Four deviations below its own history, and less than half of it. */
const asrDeviations = 4;
const asrPart = 0.5;
const asrWellPart = 0.7;
const pddTimes = 2;
const pddMoreMs = 1_000;
const pddWellTimes = 1.5;

export interface Verdict {
  cause: Cause;
  /** Its calls fail whatever its probes say: only a call can show that it works again. */
  gray: boolean;
  uncertain: boolean;
}

/** `lagMs`: how long news waits in our own inbox: silence is no fault of the line then. */
export interface Moment {
  now: number;
  lagMs: number;
}

/** Why the line must leave now; null where it may stay. */
export function mustLeave(evidence: Evidence, traits: Traits, moment: Moment): Verdict | null {
  const { denied, deniedProbes, streak, hung } = evidence;
  const uncertain = isUncertain(evidence, moment.now);
  if ((denied?.count ?? 0) >= deniedMin && denied !== null) return { cause: denied.fault, gray: true, uncertain };
  if ((deniedProbes?.count ?? 0) >= deniedMin && deniedProbes !== null)
    return { cause: deniedProbes.fault, gray: false, uncertain };
  const forMs = moment.now - evidence.streakSince;
  const streaking = streak >= streakLimit(evidence) || (streak >= streakMin && forMs >= streakMs);
  const hanging = hung >= hungMin && 2 * hung >= streak;
  if (streaking || (hanging && forMs >= streakMs) || evidence.doubt >= doubtLimit(evidence))
    return { cause: hanging ? "hanging" : "failing", gray: true, uncertain: uncertain || hanging };
  if (isSilent(evidence, traits, moment)) return { cause: "silent", gray: true, uncertain: true };
  if (evidence.misses >= missesMin) return { cause: "unreachable", gray: false, uncertain };
  return null;
}

const unknownForMs = 60_000;

/** Its last failures left outcomes unknown. */
export function isUncertain({ unknownAt }: Evidence, now: number): boolean {
  return unknownAt !== null && now - unknownAt < unknownForMs;
}

/** How many placed calls have said nothing for longer than calls of this line ever take to be heard of. */
export function silentCalls(evidence: Evidence, traits: Traits, { now, lagMs }: Moment): number {
  if (!traits.pushed) return 0;
  const first = evidence.firsts < historyMin ? Math.max(evidence.firstMs, traits.firstEventMs) : evidence.firstMs;
  const afterMs = Math.min(silentAfterMaxMs, Math.max(silentAfterMinMs, 4 * first)) + lagMs;
  return evidence.unheard.filter((sent) => now - sent > afterMs).length;
}

export function isSilent(evidence: Evidence, traits: Traits, moment: Moment): boolean {
  return silentCalls(evidence, traits, moment) >= silentMin;
}

/** Why the line should take fewer calls. One that has stepped back (`before`) must be clearly well to return. */
export function worry(evidence: Evidence, traits: Traits, { now }: Moment, before: boolean): Cause | null {
  const limit = uneaseLimit(evidence);
  if (evidence.unease >= (before ? limit / 4 : limit)) return "errors";
  const pushesRefused = evidence.refusedPushes.filter((at) => now - at < refusedWithinMs).length;
  if (pushesRefused >= (before ? 1 : refusedPushesMin)) return "pushes-refused";
  if (evidence.pollLagMs > (before ? pollLateMs / 2 : pollLateMs)) return "poll-late";
  if (answersLess(evidence, traits, before)) return "asr";
  return ringsLater(evidence, traits, before) ? "pdd" : null;
}

/** Of the last sixty or so ended calls; null where they are too few to say. */
export function recentAsr(asr: Evidence["asr"] | undefined): number | null {
  const count = asr === undefined ? 0 : asr.now[0] + asr.last[0];
  return asr === undefined || count < asrSamplesMin ? null : (asr.now[1] + asr.last[1]) / count;
}

function answersLess({ asr }: Evidence, traits: Traits, before: boolean): boolean {
  const share = recentAsr(asr);
  if (share === null) return false;
  const count = asr.now[0] + asr.last[0];
  const own = ownAsr(asr, traits);
  if (before) return share < asrWellPart * own;
  return share < asrPart * own && (own - share) / Math.sqrt((own * (1 - own)) / count) > asrDeviations;
}

function ownAsr({ past }: Evidence["asr"], traits: Traits): number {
  const share = past[0] < historyMin ? traits.asr : past[1] / past[0];
  // A share of exactly 0 or 1 has no deviation to measure by.
  return Math.min(0.98, Math.max(0.02, share));
}

function ringsLater({ pdd }: Evidence, traits: Traits, before: boolean): boolean {
  if (pdd.recent.length < pddKept) return false;
  const own = pdd.count < historyMin || pdd.past === null ? traits.pddMs : pdd.past;
  return pdd.middle > (before ? pddWellTimes * own + pddMoreMs / 2 : pddTimes * own + pddMoreMs);
}
