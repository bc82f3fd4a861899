import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import type { CallContext } from "./context.ts";
import { drive } from "./drive.ts";
import { planOf } from "./order.ts";

const atOnce = 64;

/**
 * Gives calls that wait for a line another chance, the oldest first; those whose time is over end. All of them, since
 * what the oldest wait for may be full while there is room for the others; so no run leaves more to do at once.
 */
export async function placeQueued(ctx: CallContext): Promise<boolean> {
  let after: Waiting = { tenant: "", call_id: "", created: "-infinity" };
  for (;;) {
    const found = await ctx.db.run((q) =>
      q.execute(sql`
        select tenant, call_id, created::text as created from call_records
        where queued_until is not null and (created, call_id) > (${after.created}::timestamptz, ${after.call_id})
        order by created, call_id limit ${atOnce}`),
    );
    const waiting = rows<Waiting>(found);
    await Promise.all(waiting.map((one) => tryOne(ctx, one)));
    const last = waiting.at(-1);
    if (last === undefined || waiting.length < atOnce) return false;
    after = last;
  }
}

interface Waiting {
  tenant: string;
  call_id: string;
  created: string;
}

async function tryOne(ctx: CallContext, { tenant, call_id: callId }: Waiting): Promise<void> {
  const { next } = await ctx.settle({ tenant, callId, number: 0, line: null }, { is: "queued" });
  if (next === null) return;
  const plan = await planOf(ctx, callId);
  if (plan === null) return;
  ctx.retries.earn(tenant);
  void drive(ctx, plan, next);
}
