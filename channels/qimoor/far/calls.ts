/** The far side's calls, running and ended, and the timers that play them. */
import { type CallState, type FarCall, newCall, type Order } from "./call.ts";
import { type Play, planOf, type Step } from "./plan.ts";

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

export interface CallsOptions {
  speed: number;
  /** Part of every call id. */
  seed: string;
  now: () => number;
  setTimer: SetTimer;
  tell(call: FarCall, state: CallState): void;
  /** What became of a web call's first phone. */
  tellWebcall(call: FarCall, message: "4" | "3"): void;
}

/** The oldest calls are forgotten beyond so many. */
const callsMax = 10_000;

export function openCalls(options: CallsOptions) {
  const calls: FarCall[] = [];
  /** The next step of each running call: one at a time, so that two steps of the same moment keep their order. */
  const timers = new Map<string, () => void>();
  let counter = 0;

  function schedule(call: FarCall, [step, ...later]: Step[], playedMs: number): void {
    if (!step || call.end !== null) return;
    const act = () => {
      take(call, step);
      schedule(call, later, step.afterMs);
    };
    timers.set(call.sheetId, options.setTimer((step.afterMs - playedMs) / options.speed, act));
  }

  function take(call: FarCall, { name }: Step): void {
    const at = options.now();
    switch (name) {
      case "ring":
        if (call.order.kind === "dialout") enter(call);
        return;
      case "ring-a":
        call.rings.a += 1;
        return;
      case "answer-a":
        call.answerA = at;
        if (call.order.kind === "webcall") enter(call);
        options.tellWebcall(call, "4");
        return;
      case "ringing":
        call.ringing = at;
        call.rings.b += 1;
        options.tell(call, "Ringing");
        return;
      case "link":
        call.begin = at;
        options.tell(call, "Link");
        return;
      case "hangup":
        hangUp(call);
        return;
    }
  }

  /** A web call enters the system once its first phone has answered. */
  function enter(call: FarCall): void {
    call.ring = options.now();
    options.tell(call, "Ring");
  }

  function hangUp(call: FarCall): void {
    if (call.end !== null) return;
    timers.get(call.sheetId)?.();
    timers.delete(call.sheetId);
    call.end = options.now();
    if (call.answerA === null) options.tellWebcall(call, "3");
    if (call.order.kind === "webcall" && call.answerA === null) return;
    // Hung up before anything had begun, it has rung at its end.
    call.ring ??= call.end;
    options.tell(call, "Hangup");
  }

  return {
    start(account: string, order: Order, play: Play): FarCall {
      counter += 1;
      const sheetId = `${options.seed}-${counter}`;
      const call = newCall({ account, sheetId, channelId: `cc-ipp-1-${counter}.12`, order, play });
      calls.push(call);
      if (calls.length > callsMax) calls.shift();
      schedule(call, planOf(play), 0);
      return call;
    },
    hangUp,
    running: (account: string, agent: string): FarCall | undefined =>
      calls.find((call) => call.account === account && call.order.first === agent && call.end === null),
    all: (): readonly FarCall[] => calls,
    ringsOf(customer: string): { a: number; b: number } {
      const theirs = calls.filter(({ order }) => order.customer === customer);
      const sum = (leg: "a" | "b") => theirs.reduce((total, { rings }) => total + rings[leg], 0);
      return { a: sum("a"), b: sum("b") };
    },
    stop(): void {
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
