/** Pushes a call's notifications one after the other, each once: no second try is documented. */
import type { Far } from "../../kit/far/side.ts";
import { type Action, type FarCall, noticeOf, xmlOf } from "./call.ts";
import type { Script } from "./plan.ts";

/** At speed 1, how long a jumbled call holds back that A is called: beyond that B is. */
const heldBackMs = 2_600;
const headers = { "content-type": "application/xml;charset=utf-8" };

/** `addressOf`: the address entered on the app. */
export function openPusher(
  { pushes, now, speed, url: origin }: Far<FarCall, Script>,
  addressOf: (call: FarCall) => string | null,
) {
  return function tell(call: FarCall, action: Action, leg: "a" | "b" | null): void {
    const { play, callId } = call;
    const url = play.notifyUrl ?? addressOf(call);
    if (url === null || isLost(call, action, leg)) return;
    const body = play.garbagePushes ? "<html>busy" : xmlOf(noticeOf(call, action, leg, now(), origin));
    const afterMs = (play.lateMs ?? 0) + (play.jumbled && leg === "a" ? heldBackMs / speed : 0);
    const copies = play.jumbled ? 2 : 1;
    pushes.inTurn(callId, () => pushes.sendOnce(url, { headers, body }), { copies, afterMs });
  };
}

function isLost({ play }: FarCall, action: Action, leg: "a" | "b" | null): boolean {
  if (play.losesFinal && action === "Hangup") return true;
  if (play.jumbled && action === "CallEstablish") return true;
  return play.silentAfterInvite === true && leg !== "a";
}
