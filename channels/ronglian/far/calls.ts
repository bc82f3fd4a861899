/** The far side's calls, and what their steps do to them. */
import type { Far } from "../../kit/far/side.ts";
import type { CallbackRequest } from "../wire.ts";
import { type FarCall, newCall } from "./call.ts";
import { type Play, planOf, type Script, type Step } from "./plan.ts";

export interface News {
  /** Asked before anybody is dialed: false ends the call. */
  mayBegin(call: FarCall): Promise<boolean>;
  established(call: FarCall): void;
  ended(call: FarCall): void;
}

/** `seed` is part of every call id. */
export function openCalls({ calls, rang, now }: Far<FarCall, Script>, seed: string, news: News) {
  let counter = 0;

  function take(call: FarCall, { name, leg, byetype = "" }: Step): void {
    if (name === "hangup") {
      hangUp(call, call.play.byetype ?? byetype);
      return;
    }
    call[leg][name] = now();
    if (name === "ring") rang(call.order.to, leg);
    if (name === "answer" && leg === "b") news.established(call);
  }

  function hangUp(call: FarCall, byetype: string): void {
    if (call.endedAt !== null) return;
    calls.end(call.callSid);
    call.endedAt = now();
    call.byetype = byetype;
    news.ended(call);
  }

  return {
    start(account: { sid: string; appId: string }, order: CallbackRequest, play: Play): FarCall {
      counter += 1;
      const callSid = seed.padEnd(16, "0") + String(counter).padStart(16, "0");
      const call = newCall({ ...account, callSid, order, play });
      calls.add(callSid, call);
      void news.mayBegin(call).then((may) => {
        if (!may) hangUp(call, "-7");
        else if (call.endedAt === null) {
          calls.play(callSid, planOf(play, Number(order.maxCallTime)), (step) => take(call, step));
        }
      });
      return call;
    },
    hangUp,
    get(sid: string, callSid: string): FarCall | undefined {
      const call = calls.get(callSid);
      return call?.sid === sid ? call : undefined;
    },
  };
}
