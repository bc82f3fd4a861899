import type { CallContext } from "../calls/context.ts";
import { type Drained, drainOnce } from "../inbox/drain.ts";
import { takeTurns, turnAfterRows, waitingCount } from "../inbox/queue.ts";
import { requeueDue } from "../parked/park.ts";

/** What the drains of this process have done since it started. */
export interface DrainCounts extends Drained {
  /** When the inbox was last found empty, or a batch handled. */
  lastRun: Date | null;
}

/** Above this rate of arrivals a drain rests between two batches: taking in comes before handling. */
const rushPerSecond = 1_000;
const restInRushMs = 100;

/**
 * Empties the inbox, batch by batch; now and then lets its tables take turns. `stored` tells how many deliveries this
 * process has taken in so far.
 */
export function createDrainDuty(
  ctx: CallContext,
  stored: () => number,
): { counts: DrainCounts; runOnce(signal?: AbortSignal): Promise<boolean> } {
  const counts: DrainCounts = { deliveries: 0, events: 0, unmatched: 0, malformed: 0, unrecognized: 0, lastRun: null };
  let sinceTurn = 0;
  let seen = { stored: 0, at: ctx.clock.now().getTime() };

  function inRush(): boolean {
    const now = { stored: stored(), at: ctx.clock.now().getTime() };
    const rush = (now.stored - seen.stored) * 1_000 > rushPerSecond * Math.max(restInRushMs, now.at - seen.at);
    seen = now;
    return rush;
  }

  return {
    counts,
    async runOnce(signal) {
      if (inRush()) await ctx.clock.sleep(restInRushMs, signal);
      const drained = await drainOnce(ctx);
      counts.lastRun = ctx.clock.now();
      if (drained === null) return false;
      for (const key of ["deliveries", "events", "unmatched", "malformed", "unrecognized"] as const) {
        counts[key] += drained[key];
      }
      sinceTurn += drained.deliveries;
      if (sinceTurn >= turnAfterRows) {
        sinceTurn = 0;
        await ctx.db.tx(takeTurns);
      }
      return true;
    },
  };
}

const retriedAtOnce = 500;

/** Gives what was set aside another try when it is due. */
export async function retryParked(ctx: CallContext): Promise<boolean> {
  const moved = await ctx.db.run((q) => requeueDue(q, ctx.clock.now(), retriedAtOnce));
  if (moved > 0) ctx.wakeDrain();
  return moved === retriedAtOnce;
}

/** How many deliveries wait to be handled, counted up to 10,000. */
export function backlog(ctx: CallContext): Promise<number> {
  return ctx.db.run((q) => waitingCount(q, 10_000));
}
