/** The far side's calls, running and ended, the timers that play them, and the list of records. */
import type { CreateCallOutSessionRequest } from "tencentcloud-sdk-nodejs/tencentcloud/services/ccc/v20200210/ccc_models";
import { type FarCall, isSession, newCall } from "./call.ts";
import { type End, type Play, planOf, type Step } from "./plan.ts";

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

export interface CallsOptions {
  keepEnded: number;
  /** 100 makes a call a hundred times as fast. */
  speed: number;
  newId: () => string;
  /** Which of a call's times the list is cut by. */
  cutBy: "start" | "end";
  cdrLateMs: number;
  now: () => number;
  setTimer: SetTimer;
  onEnd(call: FarCall): void;
}

/** At speed 1, how late a jumbled call's record is. */
const jumbledLateMs = 5_000;

export interface Window {
  appId: number;
  /** Unix seconds. */
  from: number;
  to: number;
  phones: readonly string[];
  sessionIds: readonly string[];
}

export function openCalls(options: CallsOptions) {
  const running = new Set<FarCall>();
  const ended: FarCall[] = [];
  const listed: FarCall[] = [];
  const timers = new Set<() => void>();
  const rings = new Map<string, { a: number; b: number }>();

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
      // A call that was hung up plays no further.
      if (call.endedAt !== null) return;
      take(call, step.what);
      schedule(call, rest, step.afterMs);
    });
  }

  function take(call: FarCall, what: Step["what"]): void {
    if ("end" in what) {
      finish(call, { ...what.end, whole: call.play.endWord ?? what.end.whole });
      return;
    }
    const { leg, event } = what;
    if (event === "answers") {
      call[leg].answeredAt = options.now();
      return;
    }
    call[leg].rangAt = options.now();
    call.rings[leg] += 1;
    const sum = rings.get(call.order.Callee) ?? { a: 0, b: 0 };
    rings.set(call.order.Callee, { ...sum, [leg]: sum[leg] + 1 });
  }

  function finish(call: FarCall, end: End): void {
    call.endedAt = options.now();
    call.end = end;
    running.delete(call);
    ended.push(call);
    if (ended.length > options.keepEnded) ended.shift();
    options.onEnd(call);
    const { jumbled, losesCdr, cdrLateMs } = call.play;
    const lateMs = cdrLateMs ?? (jumbled ? jumbledLateMs / options.speed : options.cdrLateMs);
    const copies = Array.from({ length: jumbled ? 2 : 1 }, () => call);
    if (losesCdr) return;
    if (lateMs === 0) listed.push(...copies);
    else later(lateMs, () => listed.push(...copies));
  }

  return {
    start(order: CreateCallOutSessionRequest, play: Play, pushUrl: string | null): FarCall {
      const call = newCall({ sessionId: options.newId(), order, play, acceptedAt: options.now(), pushUrl });
      running.add(call);
      schedule(call, planOf(play), 0);
      return call;
    },
    get: (appId: number, sessionId: string): FarCall | undefined =>
      [...running, ...ended].find((call) => call.order.SdkAppId === appId && isSession(call, sessionId)),
    active: (appId: number): FarCall[] => [...running].filter((call) => call.order.SdkAppId === appId),
    isBusy: (userId: string): boolean => [...running].some((call) => call.order.UserId === userId),
    /** Asked for by us before both talked, a call was cancelled. */
    hangUp(call: FarCall): void {
      const before = call.b.rangAt === null ? "callerCancel" : "callerCancelWhileRing";
      const whole = call.b.answeredAt === null ? before : "ok";
      finish(call, { whole, agent: call.a.answeredAt === null ? before : "ok", side: "system" });
    },
    records({ appId, from, to, phones, sessionIds }: Window): FarCall[] {
      return listed.filter((call) => {
        const at = Math.floor(((options.cutBy === "end" ? call.endedAt : call.acceptedAt) ?? 0) / 1_000);
        const { order } = call;
        const ofPhones = phones.length === 0 || phones.includes(order.Callee);
        const ofIds = sessionIds.length === 0 || sessionIds.some((id) => isSession(call, id));
        return order.SdkAppId === appId && at >= from && at <= to && ofPhones && ofIds;
      });
    },
    all: () => [...ended, ...running],
    running: () => running.size,
    ringsOf: (callee: string) => rings.get(callee) ?? { a: 0, b: 0 },
    later,
    stop(): void {
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
