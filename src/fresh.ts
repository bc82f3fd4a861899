import type { Clock } from "./clock.ts";

/** What another instance has changed is seen after at most this long. */
const freshMs = 2_000;
const keptMax = 1_000;

/** What every request needs and seldom changes, remembered for a short time. */
export interface Fresh<Value> {
  /** Those that ask at the same time share one answer; a failure is not remembered. */
  of(key: string): Promise<Value>;
  /** To be called where this process has changed it. */
  forget(key: string): void;
}

export function createFresh<Value>(clock: Clock, load: (key: string) => Promise<Value>): Fresh<Value> {
  const known = new Map<string, { at: number; value: Promise<Value> }>();
  return {
    of(key) {
      const now = clock.now().getTime();
      const kept = known.get(key);
      if (kept !== undefined && now - kept.at < freshMs) return kept.value;
      if (known.size >= keptMax) known.clear();
      const entry = { at: now, value: load(key) };
      known.set(key, entry);
      entry.value.catch(() => {
        if (known.get(key) === entry) known.delete(key);
      });
      return entry.value;
    },
    forget: (key) => void known.delete(key),
  };
}
