import type { Clock } from "../clock.ts";

const timerMs = 100;

/** How much later than asked a timer comes: what every request waits for while something holds the process. */
export async function measureDelay(clock: Clock, signal: AbortSignal, told: (seconds: number) => void): Promise<void> {
  const began = clock.now().getTime();
  await clock.sleep(timerMs, signal);
  if (!signal.aborted) told(Math.max(0, clock.now().getTime() - began - timerMs) / 1000);
}
