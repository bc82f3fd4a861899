/**
 * Reading a list of call records in rounds. A record may appear late, and by which of a call's times a list is cut is
 * often not documented: each round reads the last minutes again, and once an hour the longest call's length and more.
 * One page per poll: a request each, so that an account's quota holds by itself.
 */
import { z } from "zod";
import type { Batch } from "../contract.ts";
import { rememberHandedOver } from "./handed-over.ts";

export interface FeedRules {
  /** Of delivered records. */
  kind: string;
  cdrOverlapMinutes: number;
  cdrReachMinutes: number;
  /** The widest window that may be asked for; half of it at most is read again. */
  windowMaxMs: number;
  /** How far back anything may be asked for; without end unless given. */
  oldestMs?: number;
  /** What a window's first page is called. */
  firstPage: number;
}

/** Epoch milliseconds, and how far it was read: the next page, counted as the provider does. */
export interface FeedPage {
  since: number;
  until: number;
  page: number;
}

export interface PageRead {
  records: readonly string[];
  /** null where there is no further one. */
  nextPage: number | null;
}

type ReadPage = (page: FeedPage, signal: AbortSignal) => Promise<PageRead>;

const minuteMs = 60_000;
const deepEveryMs = 3_600_000;

/** `page` is null once the window was read to its end. */
const cursorForm = z.object({
  round: z.int(),
  since: z.int(),
  until: z.int(),
  page: z.int().nullable(),
  deepAt: z.int(),
});
type Cursor = z.output<typeof cursorForm>;

export function openWindowedFeed(rules: FeedRules, now: () => Date, readPage: ReadPage) {
  const handedOver = rememberHandedOver();

  return async (cursor: string | null, signal: AbortSignal): Promise<Batch & { cursor: string }> => {
    const at = windowAfter(parseCursor(cursor), now().getTime(), rules);
    const { records, nextPage } = await readPage({ ...at, page: at.page ?? rules.firstPage }, signal);
    const next = JSON.stringify({ ...at, page: nextPage } satisfies Cursor);
    const fresh = handedOver.without(cursor, next, records);
    return {
      deliveries: fresh.map((text) => ({ kind: rules.kind, body: new TextEncoder().encode(text) })),
      cursor: next,
    };
  };
}

/** The rest of the present window, or the next round's, which begins before the last one's end. */
function windowAfter(last: Cursor | null, now: number, rules: FeedRules): Cursor {
  const { windowMaxMs, oldestMs = Number.POSITIVE_INFINITY, firstPage: page } = rules;
  const overlapMs = rules.cdrOverlapMinutes * minuteMs;
  if (last === null) return { round: 1, since: now - overlapMs, until: now, page, deepAt: now };
  if (last.page !== null) return last;
  const isDeep = now - last.deepAt >= deepEveryMs;
  const backMs = isDeep ? Math.max(overlapMs, rules.cdrReachMinutes * minuteMs) : overlapMs;
  // After a long rest the rounds catch up window by window.
  const since = Math.max(last.until - Math.min(backMs, windowMaxMs / 2), now - oldestMs);
  const until = Math.min(Math.max(now, last.until), since + windowMaxMs);
  return { round: last.round + 1, since, until, page, deepAt: isDeep ? now : last.deepAt };
}

function parseCursor(text: string | null): Cursor | null {
  if (text === null) return null;
  try {
    return cursorForm.parse(JSON.parse(text));
  } catch {
    // A cursor of another version: the first window is read again.
    return null;
  }
}
