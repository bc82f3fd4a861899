import postgres from "postgres";
import type { CallContext } from "../../src/calls/context.ts";
import type { Arrival } from "../../src/inbox/accept.ts";
import { drainOnce } from "../../src/inbox/drain.ts";
import { storeAll } from "../server/backlog.ts";
import { percentile, tell } from "./figures.ts";

const batch = 100;
const measureMs = 8_000;
const heldMs = { quick: 15_000, full: 60_000 } as const;

/** How long taking and handling a small batch takes while somebody else's transaction stays open, and without. */
export async function claimsUnderHeldTransaction(
  calls: CallContext,
  url: string,
  arrivals: readonly Arrival[],
  full: boolean,
): Promise<boolean> {
  const some = arrivals.slice(0, batch);
  await takeFor(calls, some, measureMs / 4);
  const without = await takeFor(calls, some, measureMs);
  const holder = postgres(url, { max: 1, onnotice: () => {} });
  const during = await holder.begin("isolation level repeatable read", async (open) => {
    // With a number of its own and a view of the tables: no row deleted from now on can be cleared away.
    await open`select pg_current_xact_id(), count(*) from inbox_a`;
    await takeFor(calls, some, (full ? heldMs.full : heldMs.quick) - measureMs);
    return takeFor(calls, some, measureMs);
  });
  await holder.end();
  return tell({
    bench: "drain",
    figure: percentile(during, 0.99),
    unit: `ms p99 a batch, a transaction held ${(full ? heldMs.full : heldMs.quick) / 1_000} s`,
    peer: "without one",
    peerFigure: percentile(without, 0.99),
    goal: 2,
    atMost: true,
  });
}

async function takeFor(calls: CallContext, arrivals: readonly Arrival[], forMs: number): Promise<number[]> {
  const took: number[] = [];
  for (const until = performance.now() + forMs; performance.now() < until; ) {
    await storeAll(calls, arrivals);
    const began = performance.now();
    await drainOnce(calls);
    took.push(performance.now() - began);
  }
  return took;
}
