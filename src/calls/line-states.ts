import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import type { StateOf } from "../routing/state.ts";
import type { CallContext } from "./context.ts";

/** Counts are for the order of lines only; what holds is decided when a line is taken. */
const freshMs = 1_000;
const cachedMax = 1_000;

type InUse = ReadonlyMap<number, number>;
const nothingUsed: InUse = new Map();

/** Remembers for a second how many calls each limited line of a tenant has. */
export function createUsage(ctx: Pick<CallContext, "db" | "clock">): (tenant: string) => Promise<InUse> {
  const known = new Map<string, { at: number; inUse: Promise<InUse> }>();

  async function count(tenant: string): Promise<InUse> {
    const found = await ctx.db.run((q) =>
      q.execute(sql`
        select line_id, count(*)::int as used from call_attempts
        where tenant = ${tenant} and (open or held_until > ${ctx.clock.now().toISOString()}) group by line_id`),
    );
    return new Map(rows<{ line_id: number; used: number }>(found).map((row) => [row.line_id, row.used]));
  }

  return (tenant) => {
    const now = ctx.clock.now().getTime();
    const cached = known.get(tenant);
    if (cached !== undefined && now - cached.at < freshMs) return cached.inUse;
    if (known.size >= cachedMax) known.clear();
    const inUse = count(tenant);
    known.set(tenant, { at: now, inUse });
    inUse.catch(() => known.delete(tenant));
    return inUse;
  };
}

/** What the choice of a line needs to know of each: its health, its answered calls, how full it is. */
export async function lineStates(ctx: CallContext, tenant: string): Promise<StateOf> {
  const lines = await ctx.directory.linesOf(tenant);
  const limited = lines.some((line) => line.maxConcurrent > 0);
  const inUse = limited ? await ctx.usageOf(tenant) : nothingUsed;
  return (lineId) => ({
    health: ctx.health.viewOf(lineId),
    inUse: limited ? (inUse.get(lineId) ?? 0) : null,
    today: null,
    answered: ctx.health.answeredOf(lineId),
  });
}
