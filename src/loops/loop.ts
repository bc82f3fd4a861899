import type { Clock } from "../clock.ts";
import { errorFields, type Log } from "../log.ts";

/** A background duty: `runOnce` until nothing is left, then a rest, cut short by `wake`. */
export interface Loop {
  start(): void;
  wake(): void;
  /** Waits for the run under way. May be called twice. */
  stop(): Promise<void>;
}

const restAfterFailureMs = 1_000;

export interface LoopOptions {
  name: string;
  clock: Clock;
  log: Log;
  everyMs: number;
  /** Wakes are gathered for this long after a run has begun, so that much news costs one run. */
  gatherMs?: number;
  /** One bounded piece of work; true when there is more to do at once. */
  runOnce(signal: AbortSignal): Promise<boolean>;
}

export function createLoop({ name, clock, log, everyMs, gatherMs = 0, runOnce }: LoopOptions): Loop {
  const stopping = new AbortController();
  let resting = new AbortController();
  let woken = false;
  let running: Promise<void> | null = null;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      woken = false;
      const began = clock.now().getTime();
      let more = false;
      let restMs = everyMs;
      try {
        more = await runOnce(stopping.signal);
      } catch (error) {
        log.error({ ...errorFields(error), kind: name }, "a background duty failed; it is tried again");
        restMs = Math.max(everyMs, restAfterFailureMs);
      }
      if (more) continue;
      if (!woken || restMs !== everyMs) {
        resting = new AbortController();
        await clock.sleep(restMs, AbortSignal.any([stopping.signal, resting.signal]));
      }
      const gather = began + gatherMs - clock.now().getTime();
      if (gather > 0) await clock.sleep(gather, stopping.signal);
    }
  }

  return {
    start() {
      running ??= run();
    },
    wake() {
      woken = true;
      resting.abort();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
