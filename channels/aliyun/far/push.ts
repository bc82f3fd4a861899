/** Pushes a call's events, one after the other, each once: a second try is not documented, nor is a signature. */
import type { Far } from "../../kit/far/side.ts";
import type { FarCall, Message } from "./call.ts";
import type { Script } from "./plan.ts";

/** At speed 1, how long a jumbled call holds back that A rings: beyond that B does. */
const heldBackMs = 3_000;

/** `addressOf`: what the instance has subscribed. `headersFor`: what a relay before the fixed address signs with. */
export function openPusher(
  { pushes, speed }: Far<FarCall, Script>,
  addressOf: (call: FarCall) => string | null,
  headersFor: (body: string) => Record<string, string>,
) {
  return function tell(call: FarCall, messages: readonly Message[]): void {
    const { play, jobId } = call;
    const url = play.notifyUrl ?? addressOf(call);
    const told = messages.filter((message) => !isLost(call, message));
    if (url === null || told.length === 0) return;
    const isHeldBack = play.jumbled === true && told.some(({ eventType }) => eventType === "Ringing");
    const afterMs = (play.lateMs ?? 0) + (isHeldBack ? heldBackMs / speed : 0);
    for (const body of bodiesOf(call, told)) {
      const headers = { "content-type": "application/json;charset=UTF-8", ...headersFor(body) };
      const push = () => pushes.sendOnce(url, { headers, body });
      pushes.inTurn(jobId, push, { copies: play.jumbled ? 2 : 1, afterMs });
    }
  };
}

function bodiesOf({ play }: FarCall, told: readonly Message[]): string[] {
  if (play.garbagePushes) return ["<html>busy"];
  return play.listed ? [JSON.stringify(told)] : told.map((message) => JSON.stringify(message));
}

function isLost({ play, rangA, order }: FarCall, { eventType, channelId = "" }: Message): boolean {
  if (play.silentAfterRinging && rangA && eventType !== "Ringing") return true;
  return play.jumbled === true && eventType === "Established" && channelId.includes(order.Caller);
}
