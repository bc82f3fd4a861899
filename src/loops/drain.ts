import type { CallContext } from "../calls/context.ts";
import { batchMax, type Drained, drainOnce } from "../inbox/drain.ts";
import { takeTurns, turnAfterRows, waitingCount } from "../inbox/queue.ts";
import { requeueDue } from "../parked/park.ts";

/** What the drains of this process have done since it started. */
export interface DrainCounts extends Drained {
  /** When the inbox was last found empty, or a batch handled. */
  lastRun: Date | null;
}

/** At this rate of arrivals all but a twentieth of the time is theirs: taking in comes before handling. */
const rushPerSecond = 10_000;
const shareMin = 0.05;
const restMaxMs = 500;
const rateOverMs = 100;
/** While much waits so many batches are under way: one is with the database while another one is read. */
const lanes = 3;
/** After so many batches of a lane the others' turn has come: rest, and the tables' turns. */
const batchesAtOnce = 5;

/** How long a drain rests after a batch that took so long, at so many arrivals a second: the more come, the longer. */
export function restAfter(tookMs: number, perSecond: number): number {
  const share = Math.max(shareMin, 1 - perSecond / rushPerSecond);
  return Math.min(restMaxMs, tookMs * (1 / share - 1));
}

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
  let tookMs = 0;
  let seen = { stored: 0, at: ctx.clock.now().getTime() };

  /** Arrivals a second since it was last asked. */
  function rate(): number {
    const now = { stored: stored(), at: ctx.clock.now().getTime() };
    const perSecond = ((now.stored - seen.stored) * 1_000) / Math.max(rateOverMs, now.at - seen.at);
    seen = now;
    return perSecond;
  }

  /** How many deliveries a batch had. */
  async function handle(): Promise<number> {
    const drained = await drainOnce(ctx);
    counts.lastRun = ctx.clock.now();
    if (drained === null) return 0;
    for (const key of ["deliveries", "events", "unmatched", "malformed", "unrecognized"] as const) {
      counts[key] += drained[key];
    }
    sinceTurn += drained.deliveries;
    return drained.deliveries;
  }

  async function inLanes(signal?: AbortSignal): Promise<void> {
    const lane = async (): Promise<void> => {
      for (let batch = 0; batch < batchesAtOnce && !signal?.aborted; batch++) if ((await handle()) < batchMax) return;
    };
    const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
    for (const one of ended) if (one.status === "rejected") throw one.reason;
  }

  return {
    counts,
    async runOnce(signal) {
      const restMs = restAfter(tookMs, rate());
      if (restMs >= 1) await ctx.clock.sleep(restMs, signal);
      const began = ctx.clock.now().getTime();
      const first = await handle();
      tookMs = ctx.clock.now().getTime() - began;
      if (first === batchMax && restMs < 1) await inLanes(signal);
      if (sinceTurn >= turnAfterRows) {
        sinceTurn = 0;
        await ctx.db.tx(takeTurns);
      }
      return first > 0;
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
