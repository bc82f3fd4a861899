import type { CallControl, ControlAction } from "../../channels/contract.ts";
import { parsePhone } from "../domain/phone.ts";
import { Refusal } from "../domain/refusal.ts";
import { agentById } from "../lines/agents.ts";
import { type CallContext, placeTimeoutMs } from "./context.ts";
import { providerFailed } from "./hangup.ts";
import { openAttempts } from "./open.ts";
import { placedCall } from "./order.ts";

/** Mutes, holds or transfers a call that both parties are in, where its line can. */
export async function control(
  ctx: CallContext,
  tenant: string,
  callId: string,
  wish: { action: ControlAction; to?: string | undefined },
): Promise<void> {
  const running = await openAttempts(ctx, tenant, callId);
  if (running === null) throw new Refusal("not_found", "没有这个通话 · no such call");
  const attempt = running.attempts.find((one) => one.providerCallId !== null);
  const line = attempt === undefined ? null : await ctx.directory.line(tenant, attempt.lineId);
  const call = attempt === undefined ? null : placedCall(attempt);
  const able = line === null ? [] : line.definition.controls(line.config);
  if (line !== null && !able.includes(wish.action)) {
    throw new Refusal("unsupported", `该线路不支持 ${wish.action} · this line cannot ${wish.action}`);
  }
  if (running.closed || !running.answered || line === null || call === null) {
    throw new Refusal("conflict", "通话未处于接通状态 · the call is not connected");
  }
  const channel = ctx.directory.channelOf(line);
  const what = await controlOf(ctx, tenant, line.channel, wish);
  try {
    await channel.control?.(call, what, AbortSignal.timeout(placeTimeoutMs));
  } catch (error) {
    throw providerFailed(error);
  }
}

async function controlOf(
  ctx: CallContext,
  tenant: string,
  channel: string,
  wish: { action: ControlAction; to?: string | undefined },
): Promise<CallControl> {
  if (wish.action !== "transfer") return { action: wish.action };
  const to = wish.to ?? "";
  const agent = await agentById(ctx, tenant, to);
  const seat = agent?.seats[channel];
  if (seat !== undefined) return { action: "transfer", to: { seat } };
  const phone = agent?.phone ?? parsePhone(to);
  if (phone !== null) return { action: "transfer", to: phone };
  throw new Refusal("invalid", "转接目标无效 · transfer to whom?", {
    fields: [{ field: "to", message: "must be an agent's id or a phone number" }],
  });
}
