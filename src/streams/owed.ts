import type { RecordChange } from "../calls/context.ts";

const waitedForMs = 2_000;
const keptMax = 10_000;

/** Changes that were told of and that the feed has not shown yet. It is read on while there are some. */
export interface Owed {
  add(changes: readonly RecordChange[], now: number): void;
  paid(shown: { callId: string; version: number }): void;
  any(now: number): boolean;
}

export function createOwed(): Owed {
  const owed = new Map<string, number>();
  // The feed may be faster than the word of it.
  const shown = new Map<string, number>();
  let lastAt = 0;
  return {
    add(changes, now) {
      lastAt = now;
      if (owed.size >= keptMax) owed.clear();
      for (const { callId, version } of changes) if ((shown.get(callId) ?? 0) < version) owed.set(callId, version);
    },
    paid({ callId, version }) {
      if (shown.size >= keptMax) shown.clear();
      shown.set(callId, version);
      if ((owed.get(callId) ?? Number.POSITIVE_INFINITY) <= version) owed.delete(callId);
    },
    any(now) {
      if (now - lastAt > waitedForMs) owed.clear();
      return owed.size > 0;
    },
  };
}
