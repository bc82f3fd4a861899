/** The far side's calls, running and ended, the timers that play them, and the list of records. */
import type { CreateCall } from "../wire.ts";
import { type FarCall, newCall } from "./call.ts";
import { openList } from "./list.ts";
import { type Play, planOf, type Step } from "./plan.ts";

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

export interface CallsOptions {
  keepEnded: number;
  /** 100 makes a call a hundred times as fast. */
  speed: number;
  /** Where the serial numbers begin. */
  serialFrom: bigint;
  /** Which of a call's times the list is cut by. */
  cutBy: "start" | "end";
  cdrLateMs: number;
  now: () => number;
  setTimer: SetTimer;
  onConnect(call: FarCall): void;
  onRelease(call: FarCall): void;
}

/** At speed 1, how late a jumbled call's record is. */
const jumbledLateMs = 5_000;

export function openCalls(options: CallsOptions) {
  const byId = new Map<string, FarCall>();
  const ended: FarCall[] = [];
  const list = openList({ cutBy: options.cutBy, entriesMax: 2 * options.keepEnded });
  const timers = new Set<() => void>();
  const rings = new Map<string, { a: number; b: number }>();
  let serial = options.serialFrom;

  function later(ms: number, act: () => void): void {
    const cancel = options.setTimer(ms, () => {
      timers.delete(cancel);
      act();
    });
    timers.add(cancel);
  }

  function schedule(call: FarCall, [step, ...rest]: Step[], playedMs: number): void {
    if (!step) return;
    later((step.afterMs - playedMs) / options.speed, () => {
      take(call, step);
      schedule(call, rest, step.afterMs);
    });
  }

  function take(call: FarCall, { event, leg, reasonCode }: Step): void {
    const at = options.now();
    if (leg === null) {
      finish(call, at, call.play.reasonCode ?? reasonCode);
      return;
    }
    if (event === "calling") call[leg].calledAt = at;
    if (event === "answered") call[leg].answeredAt = at;
    if (event === "ringing") {
      call[leg].rangAt = at;
      call.rings[leg] += 1;
      const sum = rings.get(call.order.called) ?? { a: 0, b: 0 };
      rings.set(call.order.called, { ...sum, [leg]: sum[leg] + 1 });
    }
    if (event === "answered" && leg === "b") options.onConnect(call);
  }

  function finish(call: FarCall, at: number, reasonCode: number | null): void {
    call.endedAt = at;
    call.reasonCode = reasonCode;
    ended.push(call);
    options.onRelease(call);
    const { jumbled, losesCdr, cdrLateMs } = call.play;
    const lateMs = cdrLateMs ?? (jumbled ? jumbledLateMs / options.speed : options.cdrLateMs);
    const appear = () => list.add(call, jumbled ? 2 : 1);
    if (!losesCdr && lateMs === 0) appear();
    else if (!losesCdr) later(lateMs, appear);
    const oldest = ended.length > options.keepEnded ? ended.shift() : undefined;
    if (oldest) byId.delete(oldest.callId);
  }

  return {
    start(account: string, order: CreateCall, play: Play): FarCall {
      serial += 1n;
      const call = newCall({ account, callId: String(serial), order, play, acceptedAt: options.now() });
      byId.set(call.callId, call);
      schedule(call, planOf(play), 0);
      return call;
    },
    get(account: string, callId: string): FarCall | undefined {
      const call = byId.get(callId);
      return call?.account === account ? call : undefined;
    },
    records: list.read,
    all: () => [...byId.values()],
    running: () => byId.size - ended.length,
    ringsOf: (customer: string) => rings.get(customer) ?? { a: 0, b: 0 },
    later,
    stop(): void {
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
