/**
 * The list of call records, read in rounds. By which of a call's times it is cut, and how late a record appears, is not
 * documented: each round reads the last minutes again, and once an hour the longest call's length and more. One page,
 * and so one request, per poll.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { RawDelivery } from "../contract.ts";
import type { TencentConfig } from "./config.ts";
import { cdrsAnswer, type Wire } from "./wire.ts";

/** The vendor's most is 100, but records name everybody who took part, with addresses, and an answer has its limit. */
export const pageSize = 50;
/** The vendor's widest window is 90 days, and nothing is kept for longer than 180. */
const windowMaxSeconds = 89 * 86_400;
const reachMaxSeconds = 179 * 86_400;
const deepEverySeconds = 3_600;
/** Records remembered as already handed over; forgetting one costs a duplicate. */
const rememberedMax = 50_000;

/** A window in Unix seconds and its next page; `page` is null once the window was read to its end. */
const cursorForm = z.object({ round: z.int(), from: z.int(), to: z.int(), page: z.int().nullable(), deepAt: z.int() });
type Cursor = z.output<typeof cursorForm>;

export function openFeed(config: TencentConfig, now: () => Date, ask: Wire["ask"]) {
  const handedOver = openMemory();

  return async (cursor: string | null, signal: AbortSignal): Promise<{ deliveries: RawDelivery[]; cursor: string }> => {
    const at = windowAfter(read(cursor), Math.floor(now().getTime() / 1_000), config);
    const page = at.page ?? 0;
    const window = { StartTimeStamp: at.from, EndTimeStamp: at.to, PageSize: pageSize, PageNumber: page };
    const { TotalCount, TelCdrList } = await ask("DescribeTelCdr", window, cdrsAnswer, signal);
    const cdrs = TelCdrList ?? [];
    const known = page * pageSize + cdrs.length;
    const isLast = cdrs.length === 0 || (TotalCount == null ? cdrs.length < pageSize : known >= TotalCount);
    const next = JSON.stringify({ ...at, page: isLast ? null : page + 1 } satisfies Cursor);
    const fresh = handedOver.without(
      { from: cursor, to: next },
      cdrs.map((cdr) => ({ id: cdr.SessionId, text: storable(cdr) })),
    );
    return { deliveries: fresh.map(({ text }) => cdrDelivery(text)), cursor: next };
  };
}

export function cdrDelivery(text: string): RawDelivery {
  return { kind: "cdr", body: new TextEncoder().encode(text) };
}

/** Addresses carry a signature that expires, is another each time, and, says the vendor, must not be kept. */
export function storable(cdr: object): string {
  const isAddress = (value: unknown): value is string => typeof value === "string" && /^https?:\/\//i.test(value);
  return JSON.stringify(cdr, (_, value: unknown) => (isAddress(value) ? value.replace(/[?#].*$/s, "") : value));
}

/** The rest of the present window, or the next round's. After a long rest rounds catch up window by window. */
function windowAfter(cursor: Cursor | null, now: number, config: TencentConfig): Cursor {
  const overlap = config.cdrOverlapMinutes * 60;
  if (cursor === null) return { round: 1, from: now - overlap, to: now, page: 0, deepAt: now };
  if (cursor.page !== null) return cursor;
  const isDeep = now - cursor.deepAt >= deepEverySeconds;
  const back = isDeep ? Math.max(overlap, config.cdrReachMinutes * 60) : overlap;
  const from = Math.max(cursor.to - back, now - reachMaxSeconds);
  const to = Math.min(Math.max(now, cursor.to), from + windowMaxSeconds);
  return { round: cursor.round + 1, from, to, page: 0, deepAt: isDeep ? now : cursor.deepAt };
}

function read(text: string | null): Cursor | null {
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
 * Spares the store what is read again. That records were stored is proved only by a poll that comes with the cursor
 * which they were handed over with; before, and after any other cursor, nothing counts as handed over.
 */
function openMemory() {
  const stored = new Map<string, string>();
  let pending: { from: string | null; to: string; records: Map<string, string> } | null = null;

  return {
    without({ from, to }: { from: string | null; to: string }, records: readonly Listed[]): Listed[] {
      if (pending?.to === from) for (const [id, hash] of pending.records) remember(id, hash);
      else if (pending?.from !== from) stored.clear();
      const handed = new Map<string, string>();
      const fresh = records.filter(({ id, text }) => {
        const hash = createHash("sha256").update(text).digest("base64");
        const isKnown = stored.get(id) === hash;
        if (isKnown) remember(id, hash);
        else handed.set(id, hash);
        return !isKnown;
      });
      pending = { from, to, records: handed };
      return fresh;
    },
  };

  /** The most recently met last, so that the first is the one to forget. */
  function remember(id: string, hash: string): void {
    stored.delete(id);
    stored.set(id, hash);
    const [oldest] = stored.size > rememberedMax ? stored.keys() : [];
    if (oldest !== undefined) stored.delete(oldest);
  }
}
