const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

/** How long after each failure the next try comes; the last one again and again. */
const delaysMs = [
  5 * secondMs,
  30 * secondMs,
  2 * minuteMs,
  10 * minuteMs,
  30 * minuteMs,
  hourMs,
  3 * hourMs,
  6 * hourMs,
  12 * hourMs,
  24 * hourMs,
];
/** An event that has failed for so long is dead: a weekend, and a day to notice. */
export const givenUpAfterMs = 75 * hourMs;
const retryAfterMaxMs = 24 * hourMs;
const jitter = 0.1;

/** When to try again after the `tries`-th failure; null = no more. `chance` is a number from 0 to 1. */
export function nextTry(
  tries: number,
  failingSince: Date,
  now: Date,
  chance: number,
  retryAfterMs: number | null,
): Date | null {
  if (now.getTime() - failingSince.getTime() >= givenUpAfterMs) return null;
  const delayMs = delaysMs[Math.min(tries, delaysMs.length) - 1] ?? delaysMs[0] ?? 0;
  const spread = delayMs * (1 - jitter + 2 * jitter * chance);
  return new Date(now.getTime() + Math.round(Math.max(spread, Math.min(retryAfterMs ?? 0, retryAfterMaxMs))));
}

/** `Retry-After`: seconds or a date. Null where it says nothing. */
export function readRetryAfter(header: string | null, now: Date): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * secondMs;
  // An HTTP date begins with the day of the week; what else Date.parse makes sense of is not meant so.
  const at = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now.getTime());
}

/** So many failures in a row open the circuit. */
export const failuresToOpen = 5;
const openMs = 30 * secondMs;
const openMaxMs = 5 * minuteMs;
const openByRetryAfterMaxMs = hourMs;

/** How long a circuit stays open after so many failures in a row, and at the endpoint's own wish. */
export function openFor(failures: number, chance: number, retryAfterMs: number | null): number {
  const doubled = openMs * 2 ** Math.min(Math.max(failures - failuresToOpen, 0), 10);
  const spread = Math.min(doubled, openMaxMs) * (1 - jitter + 2 * jitter * chance);
  return Math.round(Math.max(spread, Math.min(retryAfterMs ?? 0, openByRetryAfterMaxMs)));
}
