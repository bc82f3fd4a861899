import { ChannelError } from "../../channels/errors.ts";
import type { Line } from "../lines/directory.ts";
import { errorFields } from "../log.ts";
import { type CallContext, placeTimeoutMs } from "./context.ts";
import { hangUpLate } from "./hangup.ts";
import { orderFor, type Plan } from "./order.ts";
import { type Outcome, type Settled, settle } from "./settle.ts";

/**
 * Places a call whose attempt is written as sent, line after line, until one says yes, nobody knows, or none is left.
 * Runs to its end whoever waits for it.
 */
export function drive(ctx: CallContext, plan: Plan, first: NonNullable<Settled["next"]>): Promise<void> {
  const run = (async () => {
    let next: Settled["next"] = first;
    while (next !== null) {
      const { line, number }: { line: Line; number: number } = next;
      const ref = { callId: plan.callId, number };
      const outcome = await place(ctx, plan, line, number);
      const settled: Settled = await settle(ctx, line, ref, outcome);
      next = settled.next;
      if (outcome.is === "placed" && settled.hangupAsked) await hangUpLate(ctx, line, ref, outcome.placement);
    }
  })();
  const watched = run
    .catch((error) => {
      // The attempt stands as sent: whoever looks for orphans takes it up and asks the provider.
      ctx.log.error({ ...errorFields(error), callId: plan.callId }, "placement was not settled");
    })
    .finally(() => ctx.underway.delete(watched));
  ctx.underway.add(watched);
  return watched;
}

async function place(ctx: CallContext, plan: Plan, line: Line, number: number): Promise<Outcome> {
  const about = { callId: plan.callId, attempt: number, lineId: line.id, channel: line.channel };
  const started = ctx.clock.now().getTime();
  try {
    const channel = ctx.directory.channelOf(line);
    const placement = await channel.place(orderFor(ctx, plan, line, number), AbortSignal.timeout(placeTimeoutMs));
    ctx.log.info({ ...about, ms: ctx.clock.now().getTime() - started }, "placed");
    return { is: "placed", placement };
  } catch (error) {
    const fault = asChannelError(error);
    if (!(error instanceof ChannelError))
      ctx.log.error({ ...errorFields(error), ...about }, "an adapter threw what it must not");
    ctx.log.info(
      { ...about, kind: fault.kind, cause: fault.cause, ms: ctx.clock.now().getTime() - started },
      "not placed",
    );
    return fault.effect === "none" ? { is: "refused", error: fault } : { is: "unknown", error: fault };
  }
}

/** Whatever an adapter throws that is not its own error proves nothing: a phone may have rung. */
export function asChannelError(error: unknown): ChannelError {
  if (error instanceof ChannelError) return error;
  const timedOut = error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError");
  return new ChannelError({ kind: timedOut ? "timeout" : "garbled", effect: "unknown", cause: "other" });
}
