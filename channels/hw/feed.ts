/**
 * The list of call records, read in rounds. A record may appear late, and by which of a call's times the list is cut is
 * not documented, so each round reads the last minutes again, and once an hour the longest call's length and more.
 * One page per poll: a request each, so that the account's quota holds by itself.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { RawDelivery } from "../contract.ts";
import type { HwConfig } from "./config.ts";
import type { Wire } from "./wire.ts";

export const pageMax = 100;
/** The vendor's widest window is seven days. */
const windowMaxMs = 7 * 86_400_000 - 60_000;
const deepEveryMs = 3_600_000;
/** Records remembered as already handed over; forgetting one costs a duplicate. */
const rememberedMax = 50_000;

const minuteMs = 60_000;

/** A window (epoch milliseconds) and how far it was read; `offset` null once it was read to its end. */
const cursorForm = z.object({
  round: z.int(),
  since: z.int(),
  until: z.int(),
  offset: z.int().nullable(),
  deepAt: z.int(),
});
type Cursor = z.output<typeof cursorForm>;

export function openFeed(config: HwConfig, now: () => Date, list: Wire["list"]) {
  const memory = openMemory();

  return async (cursor: string | null, signal: AbortSignal): Promise<{ deliveries: RawDelivery[]; cursor: string }> => {
    const at = aim(parseCursor(cursor), now().getTime(), config);
    const offset = at.offset ?? 0;
    const { total, calls } = await list(
      {
        startTime: String(at.since),
        endTime: String(at.until),
        offset: String(offset),
        limit: String(pageMax),
        taskType: "1",
      },
      signal,
    );
    const read = offset + calls.length;
    const more = calls.length > 0 && (total === null ? calls.length >= pageMax : read < total);
    const next = JSON.stringify({ ...at, offset: more ? read : null } satisfies Cursor);
    const records = calls.map((call) => ({ id: call.callSerialNo, text: JSON.stringify(call) }));
    const fresh = memory.sift(cursor, next, records);
    return {
      deliveries: fresh.map(({ text }) => ({ kind: "cdr", body: new TextEncoder().encode(text) })),
      cursor: next,
    };
  };
}

/** The window to read now: the rest of the present one, or the next round's, which begins before the last one's end. */
function aim(cursor: Cursor | null, now: number, config: HwConfig): Cursor {
  const overlapMs = config.cdrOverlapMinutes * minuteMs;
  if (cursor === null) return { round: 1, since: now - overlapMs, until: now, offset: 0, deepAt: now };
  if (cursor.offset !== null) return cursor;
  const deep = now - cursor.deepAt >= deepEveryMs;
  const back = deep ? Math.max(overlapMs, config.cdrReachMinutes * minuteMs) : overlapMs;
  // After a long rest the rounds catch up window by window.
  const since = cursor.until - Math.min(back, windowMaxMs / 2);
  const until = Math.min(Math.max(now, cursor.until), since + windowMaxMs);
  return { round: cursor.round + 1, since, until, offset: 0, deepAt: deep ? now : cursor.deepAt };
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

interface Listed {
  id: string;
  text: string;
}

/**
 * Keeps what is read again from being stored again. Only a poll that comes with the cursor of the last one proves that
 * its records were stored; with any other cursor nothing counts as handed over.
 */
function openMemory() {
  const known = new Map<string, string>();
  let last: { from: string | null; to: string; fresh: Map<string, string> } | null = null;

  return {
    sift(from: string | null, to: string, records: readonly Listed[]): Listed[] {
      if (last !== null && from === last.to) for (const [id, hash] of last.fresh) remember(id, hash);
      else if (last === null || from !== last.from) known.clear();
      const fresh = new Map<string, string>();
      const unknown = records.filter(({ id, text }) => {
        const hash = createHash("sha256").update(text).digest("base64").slice(0, 22);
        if (known.get(id) === hash) {
          remember(id, hash);
          return false;
        }
        fresh.set(id, hash);
        return true;
      });
      last = { from, to, fresh };
      return unknown;
    },
  };

  /** The most recently met last, so that the first is the one to forget. */
  function remember(id: string, hash: string): void {
    known.delete(id);
    known.set(id, hash);
    const [oldest] = known.size > rememberedMax ? known.keys() : [];
    if (oldest !== undefined) known.delete(oldest);
  }
}
