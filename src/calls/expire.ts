import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import { type Fact, fact } from "../domain/fact.ts";
import { project } from "../domain/record.ts";
import type { CallContext } from "./context.ts";
import { applyNews, lockCalls } from "./record.ts";

const batch = 200;

/** Marks closed calls as final whose CDR has not come in its time. Returns how many. */
export async function finalize(ctx: CallContext): Promise<number> {
  const now = ctx.clock.now();
  const changes = await ctx.db.tx(async (q) => {
    const due = await q.execute(
      sql`select call_id from call_records where finalize_due <= ${now.toISOString()} order by finalize_due limit ${batch}`,
    );
    const locked = await lockCalls(
      q,
      rows<{ call_id: string }>(due).map((row) => row.call_id),
    );
    const news = [...locked.values()].flatMap((call) => {
      const { finalizeDue } = project(call.merge, call);
      if (finalizeDue === null || finalizeDue > now.getTime()) return [];
      const facts = [fact({ attempt: 0, kind: "finalized", leg: null, at: finalizeDue, authority: 0, value: {} })];
      return [{ tenant: call.tenant, callId: call.callId, facts, received: now, deliveryId: null }];
    });
    return applyNews(ctx, q, locked, news);
  });
  ctx.told(changes);
  return changes.length;
}

/** Closes calls whose latest end has passed: every call ends, whatever we heard of it. Returns how many. */
export async function expire(ctx: CallContext): Promise<number> {
  const now = ctx.clock.now();
  const changes = await ctx.db.tx(async (q) => {
    const due = await q.execute(
      sql`select call_id from call_records where latest_end <= ${now.toISOString()} order by latest_end limit ${batch}`,
    );
    const locked = await lockCalls(
      q,
      rows<{ call_id: string }>(due).map((row) => row.call_id),
    );
    const news = [...locked.values()].flatMap((call) => {
      const projection = project(call.merge, call);
      // Under the lock once more: a fact may have moved the end since the look.
      if (projection.latestEnd === null || projection.latestEnd > now.getTime()) return [];
      const at = projection.connTime === null ? now.getTime() : projection.connTime + call.maxDurationSeconds * 1000;
      const facts: Fact[] = [fact({ attempt: 0, kind: "given-up", leg: null, at, authority: 0, value: {} })];
      return [{ tenant: call.tenant, callId: call.callId, facts, received: now, deliveryId: null }];
    });
    return applyNews(ctx, q, locked, news);
  });
  for (const change of changes)
    ctx.log.warn({ tenant: change.tenant, callId: change.callId }, "call closed without news of its end");
  ctx.told(changes);
  return changes.length;
}
