import type { Placement } from "../../channels/contract.ts";
import type { Line } from "../lines/directory.ts";
import { errorFields } from "../log.ts";
import { type CallContext, orphanAfterMs, placeTimeoutMs } from "./context.ts";
import { drive } from "./drive.ts";
import { hangUpLate } from "./hangup.ts";
import type { Attempt } from "./open.ts";
import { orderFor, planOf } from "./order.ts";

/** Settled, or when to ask next; null = this provider cannot be asked. */
export type Found = "settled" | { askNext: Date | null };

/**
 * Asks the provider about a call whose placement nobody knows the outcome of. Found: it is placed. Absent, within the
 * time for which that proves anything: the next line, or the end. Else it waits for news, and is asked for again.
 */
export async function findAttempt(ctx: CallContext, line: Line, attempt: Attempt): Promise<Found> {
  const channel = ctx.directory.channelOf(line);
  const plan = await planOf(ctx, attempt.callId);
  if (channel.find === undefined || plan === null) return { askNext: null };
  const ref = { callId: attempt.callId, number: attempt.number };
  let found: Placement | "absent" | "cannot-tell" = "cannot-tell";
  const askedAt = ctx.clock.now().getTime();
  try {
    found = await channel.find(
      orderFor(ctx, plan, line, attempt.number),
      attempt.sent,
      AbortSignal.timeout(placeTimeoutMs),
    );
  } catch (error) {
    ctx.log.info({ ...errorFields(error), callId: attempt.callId, lineId: line.id }, "look-up failed");
  }
  const { absentProvesForMs, settleAfterMs } = line.definition.lookup(line.config);
  const age = askedAt - attempt.sent.getTime();
  if (typeof found === "object") {
    const { hangupAsked } = await ctx.settle({ ...ref, tenant: line.tenant, line }, { is: "placed", placement: found });
    if (hangupAsked) await hangUpLate(ctx, line, ref, found);
    return "settled";
  }
  if (found === "absent" && age >= settleAfterMs && age <= absentProvesForMs) {
    const { next } = await ctx.settle({ ...ref, tenant: line.tenant, line }, { is: "absent" });
    if (next !== null) void drive(ctx, plan, next);
    return "settled";
  }
  // The older the question, the rarer it is asked.
  return { askNext: new Date(ctx.clock.now().getTime() + Math.min(60_000, Math.max(settleAfterMs, age / 2))) };
}

/** When a `sent` attempt without an outcome counts as left behind by a crash. */
export function orphanedBefore(now: Date): Date {
  return new Date(now.getTime() - orphanAfterMs);
}
