/** Time as an argument: nothing else in `src/` reads a clock or sets a timer for its decisions. */
export interface Clock {
  now(): Date;
  /** Resolves after `ms`, or as soon as the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Puts it right by so many milliseconds: how far it was found from the database's clock. */
  correct(ms: number): void;
}

/** A monotonic clock plus its offset to the database's, so that no step of the machine's clock reorders anything. */
export function systemClock(): Clock {
  let offsetMs = 0;
  return {
    now: () => new Date(performance.timeOrigin + performance.now() + offsetMs),
    correct(ms) {
      offsetMs += ms;
    },
    sleep: (ms, signal) =>
      new Promise((done) => {
        if (signal?.aborted) return done();
        const timer = setTimeout(finish, ms);
        function finish(): void {
          clearTimeout(timer);
          signal?.removeEventListener("abort", finish);
          done();
        }
        signal?.addEventListener("abort", finish, { once: true });
      }),
  };
}
