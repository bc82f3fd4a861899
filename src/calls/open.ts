import { and, asc, eq } from "drizzle-orm";
import { callAttempts, callRecords } from "../../db/schema/index.ts";
import type { CallContext } from "./context.ts";

export type Attempt = typeof callAttempts.$inferSelect;

/** A call's attempts that are not over. Null for an unknown call, or another tenant's. */
export async function openAttempts(
  ctx: CallContext,
  tenant: string,
  callId: string,
): Promise<{ closed: boolean; answered: boolean; attempts: Attempt[] } | null> {
  return ctx.db.run(async (q) => {
    const [record] = await q
      .select({ state: callRecords.state, answered: callRecords.answered })
      .from(callRecords)
      .where(and(eq(callRecords.tenant, tenant), eq(callRecords.callId, callId)));
    if (record === undefined) return null;
    const attempts = await q
      .select()
      .from(callAttempts)
      .where(and(eq(callAttempts.callId, callId), eq(callAttempts.open, true)))
      .orderBy(asc(callAttempts.number));
    return { closed: record.state === "close", answered: record.answered, attempts };
  });
}
