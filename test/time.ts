/** Time that only a test moves: the service's clock, and the timers of a far side beside it. */
import type { ShiftedClock } from "./service.ts";

export interface VirtualTime extends ShiftedClock {
  /** For a far side's calls: acts at its time, while the clock is put forward past it. */
  setTimer(ms: number, act: () => void): () => void;
}

/** Waits are real all the same, so that duties which rest do not spin. */
export function virtualTime(startsAt: Date): VirtualTime {
  let now = startsAt.getTime();
  const timers = new Map<number, Set<() => void>>();

  /** The earliest that is due by then, in the order in which they were set. */
  function takeDue(by: number): [at: number, acts: Set<() => void>] | null {
    const at = Math.min(...timers.keys());
    const acts = timers.get(at);
    if (acts === undefined || at > by) return null;
    timers.delete(at);
    return [at, acts];
  }

  return {
    now: () => new Date(now),
    sleep: (ms, signal) =>
      new Promise((done) => {
        if (signal?.aborted) return done();
        const timer = setTimeout(done, ms);
        const wake = () => {
          clearTimeout(timer);
          done();
        };
        signal?.addEventListener("abort", wake, { once: true });
      }),
    correct: () => {},
    advance(ms) {
      const until = now + ms;
      for (let due = takeDue(until); due !== null; due = takeDue(until)) {
        now = Math.max(now, due[0]);
        for (const act of due[1]) act();
      }
      now = until;
    },
    setTimer(ms, act) {
      const at = now + Math.max(0, ms);
      const acts = timers.get(at) ?? new Set();
      timers.set(at, acts.add(act));
      return () => acts.delete(act);
    },
  };
}
