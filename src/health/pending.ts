import type { Observation } from "./observation.ts";

/** Placements of one line under way in this process: a hang is seen before its timeout. */
export interface Pending {
  started(ref: string, callId: string, at: number): void;
  /** Those that are older than `hangMs` and were not told of yet. */
  overdue(now: number, hangMs: number): Observation[];
  /** Over, well or not: when it was sent, and whether it had been told of as hung. Null for an unknown one. */
  finished(ref: string): { callId: string; sent: number; hung: boolean } | null;
  readonly size: number;
}

export function createPending(): Pending {
  // In the order in which they began: the first that is young enough ends the look.
  const young = new Map<string, { callId: string; sent: number }>();
  const hung = new Map<string, { callId: string; sent: number }>();
  return {
    started: (ref, callId, at) => void young.set(ref, { callId, sent: at }),
    overdue(now, hangMs) {
      const told: Observation[] = [];
      for (const [ref, one] of young) {
        if (now - one.sent < hangMs) break;
        young.delete(ref);
        hung.set(ref, one);
        told.push({ is: "hung", at: now, sent: one.sent, callId: one.callId });
      }
      return told;
    },
    finished(ref) {
      const one = young.get(ref);
      const late = hung.get(ref);
      young.delete(ref);
      hung.delete(ref);
      const found = one ?? late;
      return found === undefined ? null : { ...found, hung: late !== undefined };
    },
    get size() {
      return young.size + hung.size;
    },
  };
}
