import { sql } from "drizzle-orm";
import type { Context } from "../context.ts";
import type { Notifier } from "../notify/notifier.ts";
import { createLoop, type Loop } from "./loop.ts";

const sweepEveryMs = 3_600_000;
const handOutGatherMs = 30;

export interface NotifyDuties {
  loops: readonly Loop[];
  /** Something has been put into the outbox. */
  wake(): void;
}

/** The duties of the webhooks: handing out what the outbox holds, and sending it. */
export function createNotifyDuties(ctx: Context, notifier: Notifier, everyMs: number): NotifyDuties {
  const { clock, log } = ctx;
  const send = createLoop({ name: "notify", clock, log, everyMs, runOnce: () => notifier.dispatch() });
  const handOut = createLoop({
    name: "notify hand-out",
    clock,
    log,
    everyMs,
    gatherMs: handOutGatherMs,
    async runOnce() {
      const more = await notifier.fanOut();
      send.wake();
      return more;
    },
  });
  const sweep = createLoop({
    name: "notify sweep",
    clock,
    log,
    everyMs: sweepEveryMs,
    runOnce: () => dropForsaken(ctx),
  });
  notifier.onRoom({ dispatch: () => send.wake(), fanOut: () => handOut.wake() });
  return { loops: [handOut, send, sweep], wake: () => handOut.wake() };
}

const droppedAtOnce = 1_000;

/** What was handed out to a subscription while it was being deleted waits for nobody. */
async function dropForsaken(ctx: Context): Promise<boolean> {
  await ctx.db.run((q) =>
    q.execute(sql`
      delete from notify_lanes where (subscription_id, call_id) in (
        select subscription_id, call_id from notify_lanes lane
        where not exists (select 1 from subscriptions where id = lane.subscription_id) limit ${droppedAtOnce}::int)`),
  );
  return false;
}
