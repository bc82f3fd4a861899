/** The far side's calls, and what their steps do to them. */
import { randomUUID } from "node:crypto";
import type { Far } from "../../kit/far/side.ts";
import { type CallState, type FarCall, newCall, type Order } from "./call.ts";
import { type Play, planOf, type Script, type Step } from "./plan.ts";

export interface News {
  tell(call: FarCall, state: CallState): void;
  /** What became of a web call's first phone. */
  tellWebcall(call: FarCall, message: "4" | "3"): void;
}

export function openCalls({ calls, rang, now }: Far<FarCall, Script>, { tell, tellWebcall }: News) {
  const seed = randomUUID();
  let counter = 0;

  function take(call: FarCall, { name }: Step): void {
    switch (name) {
      case "ring":
        if (call.order.kind === "dialout") enter(call);
        return;
      case "ring-a":
        rang(call.order.customer, "a");
        return;
      case "answer-a":
        call.answerA = now();
        if (call.order.kind === "webcall") enter(call);
        tellWebcall(call, "4");
        return;
      case "ringing":
        call.ringing = now();
        rang(call.order.customer, "b");
        tell(call, "Ringing");
        return;
      case "link":
        call.begin = now();
        tell(call, "Link");
        return;
      case "hangup":
        hangUp(call);
        return;
    }
  }

  /** A web call enters the system once its first phone has answered. */
  function enter(call: FarCall): void {
    call.ring = now();
    tell(call, "Ring");
  }

  function hangUp(call: FarCall): void {
    calls.end(call.sheetId);
    call.end = now();
    if (call.answerA === null) tellWebcall(call, "3");
    if (call.order.kind === "webcall" && call.answerA === null) return;
    // Hung up before anything had begun, it has rung at its end.
    call.ring ??= call.end;
    tell(call, "Hangup");
  }

  return {
    start(account: string, order: Order, play: Play): void {
      counter += 1;
      const sheetId = `${seed}-${counter}`;
      const call = newCall({ account, sheetId, channelId: `cc-ipp-1-${counter}.12`, order, play });
      calls.add(sheetId, call);
      calls.play(sheetId, planOf(play), (step) => take(call, step));
    },
    hangUp,
    running: (account: string, agent: string): FarCall | undefined =>
      calls.running().find((call) => call.account === account && call.order.first === agent),
  };
}
