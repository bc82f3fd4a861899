/** The far side's calls, and what their steps do to them. */
import type { Far } from "../../kit/far/side.ts";
import type { CallbackRequest } from "../wire.ts";
import { type Action, type FarCall, newCall } from "./call.ts";
import { type Play, planOf, type Script, type Step } from "./plan.ts";

type Tell = (call: FarCall, action: Action, leg: "a" | "b" | null) => void;

/** `seed` is part of every call id. */
export function openCalls({ calls, rang, now }: Far<FarCall, Script>, seed: string, tell: Tell) {
  let counter = 0;

  function take(call: FarCall, { name, byeType = 255 }: Step): void {
    switch (name) {
      case "invite-a":
        tell(call, "CallInvite", "a");
        return;
      case "ring-a":
        rang(call.order.to, "a");
        return;
      case "answer-a":
        call.startTimeA = now();
        return;
      case "invite-b":
        tell(call, "CallInvite", "b");
        return;
      case "ring-b":
        rang(call.order.to, "b");
        return;
      case "establish":
        call.startTimeB = now();
        tell(call, "CallEstablish", null);
        return;
      case "hangup":
        calls.end(call.callId);
        call.endTime = now();
        call.byeType = byeType;
        tell(call, "Hangup", null);
        return;
    }
  }

  return {
    start(accountSid: string, order: CallbackRequest, play: Play): FarCall {
      counter += 1;
      const callId = seed.padEnd(16, "0") + String(counter).padStart(16, "0");
      const call = newCall({ accountSid, appId: order.appId, callId, order, play });
      calls.add(callId, call);
      calls.play(callId, planOf(play, order.maxCallTime), (step) => take(call, step));
      return call;
    },
    cancel: (call: FarCall): void => take(call, { afterMs: 0, name: "hangup", byeType: 0 }),
    get(accountSid: string, callId: string): FarCall | undefined {
      const call = calls.get(callId);
      return call?.accountSid === accountSid ? call : undefined;
    },
  };
}
