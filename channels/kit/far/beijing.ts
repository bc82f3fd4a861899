/** Beijing's clock, as vendors write it. No summer time since 1991, so a fixed eight hours do. */

/** `2016-03-24T15:36:52.004` */
export function beijingClock(ms: number): string {
  return new Date(ms + 8 * 3_600_000).toISOString().slice(0, 23);
}

/** `20160324153652`; empty for what has not happened. */
export function beijingStamp(ms: number | null): string {
  return ms === null ? "" : beijingClock(ms).replace(/\D/g, "").slice(0, 14);
}

/** Epoch milliseconds of a stamp; NaN for what is none. */
export function beijingTime(stamp: string): number {
  const iso = stamp.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "$1-$2-$3T$4:$5:$6+08:00");
  return iso === stamp ? Number.NaN : Date.parse(iso);
}
