/**
 * The list of call records, read page by page. A record is written when its call has ended, while the list is cut by a
 * time that may be the call's beginning: so each round reads the last minutes once more, and once an hour as much as
 * the longest call lasts. One request per poll, so that the account's quota holds by itself.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { RawDelivery } from "../contract.ts";
import type { AliyunConfig } from "./config.ts";
import { cdrKind } from "./map.ts";
import type { Wire } from "./wire.ts";
import { listAnswer } from "./wire.ts";

const pageSize = 100;
const minuteMs = 60_000;
const deepEveryMs = 3_600_000;
/** After a long rest the rounds catch up day by day. */
const windowMaxMs = 86_400_000;
/** Records remembered as handed over; forgetting one costs a duplicate. */
const rememberedMax = 50_000;

/** A window in epoch milliseconds, and its next page; `page` null once it was read to its end. */
const place = z.object({
  round: z.int(),
  since: z.int(),
  until: z.int(),
  page: z.int().min(1).nullable(),
  deepAt: z.int(),
});
type Place = z.output<typeof place>;

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

export function openFeed(config: AliyunConfig, now: () => Date, ask: Wire["ask"]) {
  const handedOver = rememberHandedOver();

  return async (cursor: string | null, signal: AbortSignal): Promise<{ deliveries: RawDelivery[]; cursor: string }> => {
    const at = aim(readPlace(cursor), now().getTime(), config);
    const page = at.page ?? 1;
    const query = windowOf(at.since, at.until, page);
    const { List, TotalCount } = await ask("ListCallDetailRecordsV2", query, listAnswer, signal);
    const records = (List ?? []).map((one) => JSON.stringify(one));
    const isLast = TotalCount == null ? records.length < pageSize : page * pageSize >= TotalCount;
    const next = JSON.stringify({ ...at, page: isLast || records.length === 0 ? null : page + 1 } satisfies Place);
    const fresh = handedOver.sift(cursor, next, records);
    return { deliveries: fresh.map((text) => ({ kind: cdrKind, body: new TextEncoder().encode(text) })), cursor: next };
  };
}

/** What to read now: the present window's next page, or a new round that begins before the last one's end. */
function aim(last: Place | null, now: number, { cdrOverlapMinutes, cdrReachMinutes }: AliyunConfig): Place {
  const overlapMs = cdrOverlapMinutes * minuteMs;
  if (last === null) return { round: 1, since: now - overlapMs, until: now, page: 1, deepAt: now };
  if (last.page !== null) return last;
  const isDeep = now - last.deepAt >= deepEveryMs;
  const since = last.until - (isDeep ? Math.max(overlapMs, cdrReachMinutes * minuteMs) : overlapMs);
  // Never back behind what was read, and never so wide that it does not get beyond it.
  const until = Math.max(last.until, Math.min(now, last.until + windowMaxMs));
  return { round: last.round + 1, since, until, page: 1, deepAt: isDeep ? now : last.deepAt };
}

/** A cursor of another version reads the first window again. */
function readPlace(cursor: string | null): Place | null {
  if (cursor === null) return null;
  try {
    return place.parse(JSON.parse(cursor));
  } catch {
    return null;
  }
}

/**
 * Keeps what is read again from being stored again. Only the next poll, with the cursor that the last one gave, proves
 * that its records were stored: with any other all of them count as new.
 */
function rememberHandedOver() {
  let known = new Set<string>();
  let last: { from: string | null; to: string; hashes: string[] } | null = null;

  function remember(hashes: readonly string[]): void {
    for (const hash of hashes) {
      // The most recent stand last, so that the first is the one to forget.
      known.delete(hash);
      known.add(hash);
    }
    for (const oldest of known) {
      if (known.size <= rememberedMax) break;
      known.delete(oldest);
    }
  }

  return {
    sift(from: string | null, to: string, records: readonly string[]): string[] {
      if (last !== null && last.to === from) remember(last.hashes);
      else if (last === null || last.from !== from) known = new Set();
      const hashed = records.map((text) => ({ text, hash: createHash("sha256").update(text).digest("base64") }));
      last = { from, to, hashes: hashed.map(({ hash }) => hash) };
      return hashed.filter(({ hash }) => !known.has(hash)).map(({ text }) => text);
    },
  };
}
