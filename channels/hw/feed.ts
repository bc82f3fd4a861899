/** The list of call records, by offset. A record may appear late, and what the list is cut by is not documented. */
import { openWindowedFeed } from "../kit/feed.ts";
import type { HwConfig } from "./config.ts";
import type { Wire } from "./wire.ts";

export const pageMax = 100;
/** The vendor's widest window is seven days. */
const windowMaxMs = 7 * 86_400_000 - 60_000;

export function openFeed({ cdrOverlapMinutes, cdrReachMinutes }: HwConfig, now: () => Date, list: Wire["list"]) {
  const rules = { kind: "cdr", cdrOverlapMinutes, cdrReachMinutes, windowMaxMs, firstPage: 0 };
  return openWindowedFeed(rules, now, async ({ since, until, page: offset }, signal) => {
    const [startTime, endTime] = [String(since), String(until)];
    const window = { startTime, endTime, offset: String(offset), limit: String(pageMax), taskType: "1" } as const;
    const { total, calls } = await list(window, signal);
    const read = offset + calls.length;
    const isLast = calls.length === 0 || (total === null ? calls.length < pageMax : read >= total);
    return { records: calls.map((call) => JSON.stringify(call)), nextPage: isLast ? null : read };
  });
}
