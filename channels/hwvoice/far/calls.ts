/** The far side's calls, and what their steps do to them. */
import type { Far } from "../../kit/far/side.ts";
import type { ClickToCall } from "../wire.ts";
import { type FarCall, newCall } from "./call.ts";
import { type Play, planOf, type Script, type Step } from "./plan.ts";

export function openCalls({ calls, rang, now }: Far<FarCall, Script>, tell: (call: FarCall, step: Step) => void) {
  let counter = 0;

  function take(call: FarCall, step: Step): void {
    if (step.name === "disconnect") {
      calls.end(call.sessionId);
      call.endedAt = now();
      call.codes = step.codes;
    } else {
      call[step.leg][step.name] = now();
      if (step.name === "alerting") rang(call.order.calleeNbr, step.leg);
    }
    tell(call, step);
  }

  return {
    start(appKey: string, order: ClickToCall, play: Play): FarCall {
      counter += 1;
      const stamp = new Date(now()).toISOString().replace(/\D/g, "").slice(0, 14);
      const sessionId = `1202_${counter}_0_${stamp}@callenabler.home1.com`;
      const call = newCall({ appKey, sessionId, order, play });
      calls.add(sessionId, call);
      calls.play(sessionId, planOf(play, order.maxDuration), (step) => take(call, step));
      return call;
    },
    /** False where nobody has this call, or it is over. */
    stop(appKey: string, sessionId: string): boolean {
      const call = calls.get(sessionId);
      if (call?.appKey !== appKey || call.endedAt !== null) return false;
      take(call, { afterMs: 0, name: "disconnect", codes: { stateCode: 8017, q850: 0, ulFailReason: 516 } });
      return true;
    },
  };
}
