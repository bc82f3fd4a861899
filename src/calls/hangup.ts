import { sql } from "drizzle-orm";
import { ChannelError, type PlacedCall, type Placement } from "../../channels/contract.ts";
import { fact } from "../domain/fact.ts";
import { Refusal } from "../domain/refusal.ts";
import type { Line } from "../lines/directory.ts";
import { errorFields } from "../log.ts";
import type { AttemptRef } from "./attempt.ts";
import type { CallContext } from "./context.ts";
import { type Attempt, openAttempts } from "./open.ts";
import { placedCall } from "./order.ts";
import { applyNews, lockCalls } from "./record.ts";

const hangupTimeoutMs = 5_000;

/**
 * Ends a call at its provider. On an ended call that is no error. While the placement is still under way the wish is
 * written down: no further line is tried, and a late yes is hung up at once.
 */
export async function hangup(ctx: CallContext, tenant: string, callId: string): Promise<{ already: boolean }> {
  const running = await openAttempts(ctx, tenant, callId);
  if (running === null) throw new Refusal("not_found", "没有这个通话 · no such call");
  if (running.closed) return { already: true };
  const lines = await ctx.directory.linesOf(tenant);
  reach(lines, running.attempts);
  await writeWish(ctx, tenant, callId);
  // Looked at once more: an id stored before the wish is reached here, a later one by whoever stores it.
  const now = await openAttempts(ctx, tenant, callId);
  for (const { line, call } of reach(lines, now?.attempts ?? [])) await ask(ctx, line, call);
  return { already: false };
}

/** The attempts that their providers can be asked to end; a Refusal where one of them never can. */
function reach(lines: readonly Line[], attempts: readonly Attempt[]): { line: Line; call: PlacedCall }[] {
  const reached: { line: Line; call: PlacedCall }[] = [];
  for (const attempt of attempts) {
    const line = lines.find((one) => one.id === attempt.lineId);
    const call = placedCall(attempt);
    if (line === undefined || call === null) continue;
    if (!line.definition.canHangUp(line.config)) {
      throw new Refusal("cannot_hang_up", "该线路不支持系统挂断 · this line's provider cannot hang up a call");
    }
    reached.push({ line, call });
  }
  return reached;
}

async function writeWish(ctx: CallContext, tenant: string, callId: string): Promise<void> {
  const now = ctx.clock.now();
  const asked = fact({ attempt: 0, kind: "hangup-asked", leg: null, at: now.getTime(), authority: 0, value: {} });
  const changes = await ctx.db.tx(async (q) => {
    const locked = await lockCalls(q, [callId]);
    // Where the provider's id is not known, it is looked up at once, and the call is ended when it is found.
    await q.execute(sql`
      update call_attempts set follow_due = ${now.toISOString()} where call_id = ${callId} and open and outcome = 'unknown'`);
    return applyNews(ctx, q, locked, [{ tenant, callId, facts: [asked], received: now, deliveryId: null }]);
  });
  ctx.told(changes);
}

/** The app asked to hang up while nobody knew whether the call was placed; now it is. */
export async function hangUpLate(ctx: CallContext, line: Line, ref: AttemptRef, placement: Placement): Promise<void> {
  const call = { callId: ref.callId, attempt: ref.number, ...placement, sentAt: ctx.clock.now() };
  try {
    await ctx.directory.channelOf(line).hangup?.(call, AbortSignal.timeout(hangupTimeoutMs));
  } catch (error) {
    ctx.log.warn({ ...errorFields(error), callId: ref.callId, lineId: line.id }, "a late hang-up failed");
  }
}

async function ask(ctx: CallContext, line: Line, call: PlacedCall): Promise<void> {
  try {
    await ctx.directory.channelOf(line).hangup?.(call, AbortSignal.timeout(hangupTimeoutMs));
  } catch (error) {
    if (error instanceof ChannelError && error.cause === "ended") return;
    throw providerFailed(error);
  }
}

/** A provider's no to an act on a running call, in words of the closed lists. */
export function providerFailed(error: unknown): Refusal {
  const fault = error instanceof ChannelError ? `${error.kind}, ${error.cause}` : "other";
  return new Refusal("provider_failed", `渠道未执行（${fault}）· the provider did not do it (${fault})`);
}
