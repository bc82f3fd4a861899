/**
 * The list of call records, page by page. A record is written when its call has ended, while the list is cut by a time
 * that may be the call's beginning.
 */
import { openWindowedFeed } from "../kit/feed.ts";
import type { AliyunConfig } from "./config.ts";
import { cdrKind } from "./map.ts";
import type { Wire } from "./wire.ts";
import { listAnswer } from "./wire.ts";

const pageSize = 100;
/** The vendor names no widest window. Ours holds twice the farthest look back. */
const windowMaxMs = 14 * 86_400_000;

export function windowOf(since: number, until: number, page: number): Record<string, string> {
  return {
    StartTime: String(since),
    EndTime: String(until),
    PageNumber: String(page),
    PageSize: String(pageSize),
    ContactTypeList: '["BACK2BACK"]',
    OrderByField: "startTime",
    SortOrder: "ASC",
  };
}

export function openFeed({ cdrOverlapMinutes, cdrReachMinutes }: AliyunConfig, now: () => Date, ask: Wire["ask"]) {
  const rules = { kind: cdrKind, cdrOverlapMinutes, cdrReachMinutes, windowMaxMs, firstPage: 1 };
  return openWindowedFeed(rules, now, async ({ since, until, page }, signal) => {
    const query = windowOf(since, until, page);
    const { List, TotalCount } = await ask("ListCallDetailRecordsV2", query, listAnswer, signal);
    const records = (List ?? []).map((one) => JSON.stringify(one));
    const isLast = TotalCount == null ? records.length < pageSize : page * pageSize >= TotalCount;
    return { records, nextPage: isLast || records.length === 0 ? null : page + 1 };
  });
}
