import { and, desc, eq, gt, isNotNull, or } from "drizzle-orm";
import type { PhoneNumber } from "../../channels/contract.ts";
import { callRecords } from "../../db/schema/index.ts";
import type { Context } from "../context.ts";
import { storedPhone } from "../domain/phone.ts";
import type { LastShown } from "./rank.ts";

/** A customer hardly knows a number that called them longer ago. */
const rememberedMs = 90 * 86_400_000;

/** What the customer was shown when we last made their phone ring; null where that never happened, or long ago. */
export async function lastShownTo(ctx: Context, tenant: string, customer: PhoneNumber): Promise<LastShown | null> {
  const { calledIndex, created, lineId, bRingTime, bOffhookTime } = callRecords;
  const index = ctx.seal.index(tenant, "phone", customer.reveal());
  const since = new Date(ctx.clock.now().getTime() - rememberedMs);
  const [last] = await ctx.db.run((q) =>
    q
      .select({ lineId, sealed: callRecords.callerNumberSealed })
      .from(callRecords)
      .where(
        and(
          eq(callRecords.tenant, tenant),
          eq(calledIndex, index),
          gt(created, since),
          isNotNull(lineId),
          or(isNotNull(bRingTime), isNotNull(bOffhookTime)),
        ),
      )
      .orderBy(desc(created))
      .limit(1),
  );
  if (last === undefined || last.lineId === null) return null;
  const number = last.sealed === null ? null : storedPhone(ctx.seal.open(tenant, last.sealed));
  return { lineId: last.lineId, number };
}
