/** Everything that a far side does later: in real time, or in a test's own. */

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

const realTimer: SetTimer = (ms, act) => {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
};

export interface Timers {
  /** Returns what calls it off. */
  later: SetTimer;
  /** Never ends once the far side has stopped. */
  pause(ms: number): Promise<void>;
  stop(): void;
}

export function openTimers(setTimer: SetTimer = realTimer): Timers {
  const waiting = new Set<() => void>();
  let isStopped = false;

  function later(ms: number, act: () => void): () => void {
    if (isStopped) return () => {};
    const cancel = setTimer(ms, () => {
      waiting.delete(cancel);
      act();
    });
    waiting.add(cancel);
    return () => {
      waiting.delete(cancel);
      cancel();
    };
  }

  return {
    later,
    pause: (ms) => new Promise((resolve) => void later(ms, resolve)),
    stop(): void {
      isStopped = true;
      for (const cancel of waiting) cancel();
      waiting.clear();
    },
  };
}
