/** Pushes a call's messages one after the other, each once. */
import type { Far } from "../../kit/far/side.ts";
import { type FarCall, noticeOf } from "./calls.ts";
import type { Dialect } from "./dialect.ts";
import type { Script } from "./plan.ts";

/** At speed 1, how long a jumbled call holds back that A is called: until after A has answered. */
const heldBackMs = 2_200;

export function openPusher(
  { pushes, now, speed, url: origin }: Far<FarCall, Script>,
  dialect: Dialect,
  secretOf: (account: string) => string,
) {
  return function tell(call: FarCall, event: string): void {
    const { id, play, order } = call;
    if (order.callback === "" || isLost(call, event)) return;
    const notice = noticeOf(call, event, origin);
    const isHeldBack = play.jumbled && event === "calling" && call.leg === "a";
    const manner = { copies: play.jumbled ? 2 : 1, afterMs: isHeldBack ? heldBackMs / speed : 0 };
    const push = () => {
      const secret = play.wrongProof ? "not-the-secret-of-pushes" : secretOf(call.account);
      const { query, headers, body } = dialect.push(notice, secret, now());
      return pushes.sendOnce(order.callback + query, { headers, body });
    };
    pushes.inTurn(id, push, manner);
  };
}

function isLost({ play, leg }: FarCall, event: string): boolean {
  if (play.losesFinal && (event === "hangup" || event === "cdr")) return true;
  return play.jumbled === true && event === "answered" && leg === "b";
}
