/** The list of call records. By which of a call's times it is cut, and how late a record appears, is not documented. */
import type { RawDelivery } from "../contract.ts";
import { openWindowedFeed } from "../kit/feed.ts";
import type { TencentConfig } from "./config.ts";
import { cdrsAnswer, type Wire } from "./wire.ts";

/** The vendor's most is 100, but records name everybody who took part, with addresses, and an answer has its limit. */
const pageSize = 50;
/** The vendor's widest window is 90 days, and nothing is kept for longer than 180. */
const windowMaxMs = 89 * 86_400_000;
const oldestMs = 179 * 86_400_000;
const kind = "cdr";

export function openFeed({ cdrOverlapMinutes, cdrReachMinutes }: TencentConfig, now: () => Date, ask: Wire["ask"]) {
  const rules = { kind, cdrOverlapMinutes, cdrReachMinutes, windowMaxMs, oldestMs, firstPage: 0 };
  return openWindowedFeed(rules, now, async ({ since, until, page }, signal) => {
    const [StartTimeStamp, EndTimeStamp] = [Math.floor(since / 1_000), Math.floor(until / 1_000)];
    const window = { StartTimeStamp, EndTimeStamp, PageSize: pageSize, PageNumber: page };
    const { TotalCount, TelCdrList } = await ask("DescribeTelCdr", window, cdrsAnswer, signal);
    const cdrs = TelCdrList ?? [];
    const known = page * pageSize + cdrs.length;
    const isLast = cdrs.length === 0 || (TotalCount == null ? cdrs.length < pageSize : known >= TotalCount);
    return { records: cdrs.map(storable), nextPage: isLast ? null : page + 1 };
  });
}

export function cdrDelivery(text: string): RawDelivery {
  return { kind, body: new TextEncoder().encode(text) };
}

/** Addresses carry a signature that expires, is another each time, and, says the vendor, must not be kept. */
export function storable(cdr: object): string {
  const isAddress = (value: unknown): value is string => typeof value === "string" && /^https?:\/\//i.test(value);
  return JSON.stringify(cdr, (_, value: unknown) => (isAddress(value) ? value.replace(/[?#].*$/s, "") : value));
}
