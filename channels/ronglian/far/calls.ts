/** The far side's calls, running and ended, and the timers that play them. */
import type { CallbackRequest } from "../wire.ts";
import { type FarCall, newCall } from "./call.ts";
import { type Play, planOf, type Step } from "./plan.ts";

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

export interface CallsOptions {
  speed: number;
  /** Part of every call id. */
  seed: string;
  now: () => number;
  setTimer: SetTimer;
  /** Asked before anybody is dialed: false ends the call. */
  mayBegin(call: FarCall): Promise<boolean>;
  established(call: FarCall): void;
  ended(call: FarCall): void;
}

/** The oldest calls are forgotten beyond so many. */
const callsMax = 10_000;

export function openCalls(options: CallsOptions) {
  const byId = new Map<string, FarCall>();
  /** The next step of each running call: one at a time, so that two steps of the same moment keep their order. */
  const timers = new Map<string, () => void>();
  let stopped = false;
  let counter = 0;

  function schedule(call: FarCall, [step, ...later]: Step[], playedMs: number): void {
    if (!step || stopped || call.endedAt !== null) return;
    const act = () => {
      take(call, step);
      schedule(call, later, step.afterMs);
    };
    timers.set(call.callSid, options.setTimer((step.afterMs - playedMs) / options.speed, act));
  }

  function take(call: FarCall, { name, leg, byetype = "" }: Step): void {
    if (name === "hangup") {
      hangUp(call, call.play.byetype ?? byetype);
      return;
    }
    call[leg][name] = options.now();
    if (name === "ring") call[leg].rings += 1;
    if (name === "answer" && leg === "b") options.established(call);
  }

  function hangUp(call: FarCall, byetype: string): void {
    if (call.endedAt !== null) return;
    timers.get(call.callSid)?.();
    timers.delete(call.callSid);
    call.endedAt = options.now();
    call.byetype = byetype;
    options.ended(call);
  }

  return {
    start(account: { sid: string; appId: string }, order: CallbackRequest, play: Play): FarCall {
      counter += 1;
      const callSid = options.seed.padEnd(16, "0") + String(counter).padStart(16, "0");
      const call = newCall({ ...account, callSid, order, play });
      byId.set(callSid, call);
      const [oldest] = byId.keys();
      if (byId.size > callsMax && oldest !== undefined) byId.delete(oldest);
      void options.mayBegin(call).then((may) => {
        if (may) schedule(call, planOf(play, Number(order.maxCallTime)), 0);
        else hangUp(call, "-7");
      });
      return call;
    },
    hangUp,
    get: (callSid: string): FarCall | undefined => byId.get(callSid),
    all: () => [...byId.values()],
    ringsOf(customer: string): { a: number; b: number } {
      const sum = { a: 0, b: 0 };
      for (const { order, a, b } of byId.values()) {
        if (order.to !== customer) continue;
        sum.a += a.rings;
        sum.b += b.rings;
      }
      return sum;
    },
    stop(): void {
      stopped = true;
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
