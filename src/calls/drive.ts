import { ChannelError } from "../../channels/errors.ts";
import type { Line } from "../lines/directory.ts";
import { errorFields } from "../log.ts";
import { type CallContext, leaveWithinMs, placeTimeoutMs } from "./context.ts";
import { hangUpLate } from "./hangup.ts";
import { orderFor, type Plan } from "./order.ts";
import type { CallStateNow, NextAttempt, Outcome, Settled } from "./outcome.ts";

/**
 * Places a call whose attempt is written as sent, line after line, until one says yes, nobody knows, or none is left.
 * Runs to its end whoever waits for it. Resolves with the record's state then; null where it could not be written.
 */
export function drive(ctx: CallContext, plan: Plan, first: NextAttempt): Promise<CallStateNow | null> {
  const run = (async () => {
    let next: NextAttempt | null = first;
    let state: CallStateNow | null = null;
    while (next !== null) {
      const { line, number, sent }: NextAttempt = next;
      const early = sent.getTime() - ctx.clock.now().getTime();
      if (early > 0) await ctx.clock.sleep(early);
      const ref = { callId: plan.callId, number };
      const outcome = isLate(ctx, next) || turnedSick(ctx, next) ? withdrawn : await place(ctx, plan, line, number);
      const settled: Settled = await ctx.settle({ ...ref, tenant: plan.tenant, line }, outcome);
      next = settled.next;
      state = settled.state;
      if (outcome.is === "placed" && settled.hangupAsked) await hangUpLate(ctx, line, ref, outcome.placement);
    }
    return state;
  })();
  const watched = run
    .catch((error) => {
      // The attempt stands as sent: whoever looks for orphans takes it up and asks the provider.
      ctx.log.error({ ...errorFields(error), callId: plan.callId }, "placement was not settled");
      return null;
    })
    .finally(() => ctx.underway.delete(watched));
  ctx.underway.add(watched);
  return watched;
}

const withdrawn: Outcome = { is: "withdrawn" };

/** The commit came back so late that somebody else may soon take up the attempt. */
function isLate(ctx: CallContext, { sent }: NextAttempt): boolean {
  return ctx.clock.now().getTime() - sent.getTime() > leaveWithinMs;
}

/** Between the choice and the request's leaving a line may have failed others. Only where another one is well. */
function turnedSick(ctx: CallContext, { line, others = [] }: NextAttempt): boolean {
  const isDown = (one: Line): boolean => ["down", "held"].includes(ctx.health.viewOf(one.id).state);
  return others.some((one) => one !== line && !isDown(one)) && isDown(line);
}

async function place(ctx: CallContext, plan: Plan, line: Line, number: number): Promise<Outcome> {
  const about = { callId: plan.callId, attempt: number, lineId: line.id, channel: line.channel };
  const started = ctx.clock.now().getTime();
  const ref = { callId: plan.callId, number };
  ctx.health.started(line, ref);
  try {
    const channel = ctx.directory.channelOf(line);
    const placement = await channel.place(orderFor(ctx, plan, line, number), AbortSignal.timeout(placeTimeoutMs));
    ctx.health.finished(line, ref, { is: "placed" });
    ctx.log.info({ ...about, ms: ctx.clock.now().getTime() - started }, "placed");
    return { is: "placed", placement };
  } catch (error) {
    const fault = asChannelError(error);
    const { kind, cause } = fault;
    ctx.health.finished(line, ref, { is: fault.effect === "none" ? "refused" : "unknown", kind, cause });
    if (!(error instanceof ChannelError))
      ctx.log.error({ ...errorFields(error), ...about }, "an adapter threw what it must not");
    ctx.log.info({ ...about, kind, cause, ms: ctx.clock.now().getTime() - started }, "not placed");
    return fault.effect === "none" ? { is: "refused", error: fault } : { is: "unknown", error: fault };
  }
}

/** Whatever an adapter throws that is not its own error proves nothing: a phone may have rung. */
export function asChannelError(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  const timedOut = error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError");
  return new ChannelError({ kind: timedOut ? "timeout" : "garbled", effect: "unknown", cause: "other" });
}
