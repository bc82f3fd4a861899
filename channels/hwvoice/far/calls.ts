/** The far side's calls, running and ended, and the timers that play them. */
import type { ClickToCall } from "../wire.ts";
import { type FarCall, newCall } from "./call.ts";
import { type Play, planOf, type Step } from "./plan.ts";

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

export interface CallsOptions {
  speed: number;
  now: () => number;
  setTimer: SetTimer;
  tell(call: FarCall, step: Step): void;
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
    timers.set(call.sessionId, options.setTimer((step.afterMs - playedMs) / options.speed, act));
  }

  function take(call: FarCall, step: Step): void {
    const at = options.now();
    if (step.name === "disconnect") {
      timers.get(call.sessionId)?.();
      timers.delete(call.sessionId);
      call.endedAt = at;
      call.codes = step.codes;
    } else {
      call[step.leg][step.name] = at;
    }
    options.tell(call, step);
  }

  return {
    start(appKey: string, order: ClickToCall, play: Play): FarCall {
      counter += 1;
      const stamp = new Date(options.now()).toISOString().replace(/\D/g, "").slice(0, 14);
      const sessionId = `1202_${counter}_0_${stamp}@callenabler.home1.com`;
      const call = newCall({ appKey, sessionId, order, play });
      byId.set(sessionId, call);
      const [oldest] = byId.keys();
      if (byId.size > callsMax && oldest !== undefined) byId.delete(oldest);
      schedule(call, planOf(play, order.maxDuration), 0);
      return call;
    },
    /** False where nobody has this call, or it is over. */
    stop(appKey: string, sessionId: string): boolean {
      const call = byId.get(sessionId);
      if (call?.appKey !== appKey || call.endedAt !== null) return false;
      take(call, { afterMs: 0, name: "disconnect", codes: { stateCode: 8017, q850: 0, ulFailReason: 516 } });
      return true;
    },
    all: () => [...byId.values()],
    ringsOf(customer: string): { a: number; b: number } {
      const mine = [...byId.values()].filter(({ order }) => order.calleeNbr === customer);
      return {
        a: mine.filter(({ a }) => a.alerting !== null).length,
        b: mine.filter(({ b }) => b.alerting !== null).length,
      };
    },
    end(): void {
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
