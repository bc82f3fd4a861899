/** The far side's calls, running and ended, and the timers that play them. */
import type { CallbackRequest } from "../wire.ts";
import { type Action, type FarCall, newCall } from "./call.ts";
import { type Play, planOf, type Step } from "./plan.ts";

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

export interface CallsOptions {
  speed: number;
  /** Part of every call id. */
  seed: string;
  now: () => number;
  setTimer: SetTimer;
  tell(call: FarCall, action: Action, leg: "a" | "b" | null): void;
}

/** The oldest calls are forgotten beyond so many. */
const callsMax = 10_000;

export function openCalls(options: CallsOptions) {
  const byId = new Map<string, FarCall>();
  /** The next step of each running call: one at a time, so that two steps of the same moment keep their order. */
  const timers = new Map<string, () => void>();
  let counter = 0;

  function schedule(call: FarCall, [step, ...later]: Step[], playedMs: number): void {
    if (!step) return;
    const act = () => {
      take(call, step);
      schedule(call, later, step.afterMs);
    };
    timers.set(call.callId, options.setTimer((step.afterMs - playedMs) / options.speed, act));
  }

  function take(call: FarCall, { name, byeType = 255 }: Step): void {
    const at = options.now();
    switch (name) {
      case "invite-a":
        options.tell(call, "CallInvite", "a");
        return;
      case "ring-a":
        call.rings.a += 1;
        return;
      case "answer-a":
        call.startTimeA = at;
        return;
      case "invite-b":
        options.tell(call, "CallInvite", "b");
        return;
      case "ring-b":
        call.rings.b += 1;
        return;
      case "establish":
        call.startTimeB = at;
        options.tell(call, "CallEstablish", null);
        return;
      case "hangup":
        timers.get(call.callId)?.();
        timers.delete(call.callId);
        call.endTime = at;
        call.byeType = byeType;
        options.tell(call, "Hangup", null);
        return;
    }
  }

  return {
    start(accountSid: string, order: CallbackRequest, play: Play): FarCall {
      counter += 1;
      const callId = options.seed.padEnd(16, "0") + String(counter).padStart(16, "0");
      const call = newCall({ accountSid, appId: order.appId, callId, order, play });
      byId.set(callId, call);
      const [oldest] = byId.keys();
      if (byId.size > callsMax && oldest !== undefined) byId.delete(oldest);
      schedule(call, planOf(play, order.maxCallTime), 0);
      return call;
    },
    cancel: (call: FarCall): void => take(call, { afterMs: 0, name: "hangup", byeType: 0 }),
    get(accountSid: string, callId: string): FarCall | undefined {
      const call = byId.get(callId);
      return call?.accountSid === accountSid ? call : undefined;
    },
    all: () => [...byId.values()],
    ringsOf: (customer: string) => ringsAmong(byId.values(), customer),
    stop(): void {
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}

function ringsAmong(calls: Iterable<FarCall>, customer: string): { a: number; b: number } {
  const sum = { a: 0, b: 0 };
  for (const { order, rings } of calls) {
    if (order.to !== customer) continue;
    sum.a += rings.a;
    sum.b += rings.b;
  }
  return sum;
}
