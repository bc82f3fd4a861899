/** The far side's calls, running and ended, by agent, and the timers that play them. */
import { type FarCall, type FarOrder, newCall } from "./call.ts";
import { type Play, planOf, type Step } from "./plan.ts";

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

export interface CallsOptions {
  speed: number;
  now: () => number;
  setTimer: SetTimer;
  tell(call: FarCall, step: Step["name"]): void;
}

/** The oldest calls are forgotten beyond so many. */
const callsMax = 10_000;
const forced = 1002;

export function openCalls(options: CallsOptions) {
  const all: FarCall[] = [];
  /** The next step of each running call: one at a time, so that two steps of the same moment keep their order. */
  const timers = new Map<FarCall, () => void>();
  let counter = 0;

  function schedule(call: FarCall, [step, ...later]: Step[], playedMs: number): void {
    if (!step) return;
    const act = () => {
      take(call, step);
      schedule(call, later, step.afterMs);
    };
    timers.set(call, options.setTimer((step.afterMs - playedMs) / options.speed, act));
  }

  function take(call: FarCall, step: Step): void {
    const at = options.now();
    if (step.name === "end") {
      timers.get(call)?.();
      timers.delete(call);
      const { status, sipCause, endReason } = step;
      call.ended = { at, status, sipCause, endReason };
    } else {
      call.at[step.name] = at;
    }
    options.tell(call, step.name);
  }

  const runningOf = (account: string, cno: string) =>
    all.find((call) => call.account === account && call.order.cno === cno && call.ended === null);

  return {
    start(account: string, order: FarOrder, play: Play): FarCall {
      counter += 1;
      const uniqueId = `medias_${counter}-${Math.floor(options.now() / 1_000)}.${counter}`;
      const call = newCall({ account, uniqueId, order, play });
      all.push(call);
      if (all.length > callsMax) all.shift();
      schedule(call, planOf(play), 0);
      return call;
    },
    runningOf,
    /** Until A answers; false where there is no such call. */
    cancel(account: string, cno: string): boolean {
      const call = runningOf(account, cno);
      if (call === undefined || call.at["answer-a"] !== null) return false;
      take(call, { afterMs: 0, name: "end", status: 30, sipCause: 487, endReason: forced });
      return true;
    },
    /** From A's answer on. */
    unlink(account: string, cno: string): boolean {
      const call = runningOf(account, cno);
      if (call === undefined || call.at["answer-a"] === null) return false;
      const status = call.at.bridge === null ? 32 : 33;
      take(call, { afterMs: 0, name: "end", status, sipCause: status === 33 ? 200 : 487, endReason: forced });
      return true;
    },
    /** Ended calls that were asked for by their request's id. */
    records(account: string, requestUniqueId: string, fromMs: number, untilMs: number): FarCall[] {
      return all.filter(({ order, ended, play, at, account: whose }) => {
        const began = at["call-a"] ?? ended?.at ?? 0;
        const isAsked = order.requestUniqueId === requestUniqueId || play.unfiltered === true;
        return whose === account && ended !== null && isAsked && began >= fromMs && began <= untilMs;
      });
    },
    all: () => [...all],
    ringsOf(customer: string): { a: number; b: number } {
      const mine = all.filter(({ order }) => order.customer === customer);
      return {
        a: mine.filter(({ at }) => at["ring-a"] !== null).length,
        b: mine.filter(({ at }) => at["ring-b"] !== null).length,
      };
    },
    stop(): void {
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
