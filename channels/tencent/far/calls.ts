/** The far side's calls, what their steps do to them, and the list of records. */
import { randomUUID } from "node:crypto";
import type { CreateCallOutSessionRequest } from "tencentcloud-sdk-nodejs/tencentcloud/services/ccc/v20200210/ccc_models";
import type { Far } from "../../kit/far/side.ts";
import { type FarCall, isSession, newCall, plain } from "./call.ts";
import { type End, type Play, planOf, type Script, type Step } from "./plan.ts";

export interface CallsOptions {
  /** Which of a call's times the list is cut by. */
  cutBy: "start" | "end";
  cdrLateMs: number;
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

export function openCalls({ calls, timers, rang, now, speed }: Far<FarCall, Script>, options: CallsOptions) {
  const listed: FarCall[] = [];

  function take(call: FarCall, what: Step["what"]): void {
    if ("end" in what) {
      finish(call, { ...what.end, whole: call.play.endWord ?? what.end.whole });
      return;
    }
    const { leg, event } = what;
    if (event === "answers") {
      call[leg].answeredAt = now();
      return;
    }
    call[leg].rangAt = now();
    rang(call.order.Callee, leg);
  }

  function finish(call: FarCall, end: End): void {
    calls.end(plain(call.sessionId));
    call.endedAt = now();
    call.end = end;
    options.onEnd(call);
    const { jumbled, losesCdr, cdrLateMs } = call.play;
    const lateMs = cdrLateMs ?? (jumbled ? jumbledLateMs / speed : options.cdrLateMs);
    const copies = Array.from({ length: jumbled ? 2 : 1 }, () => call);
    if (losesCdr) return;
    if (lateMs === 0) listed.push(...copies);
    else timers.later(lateMs, () => listed.push(...copies));
  }

  return {
    start(order: CreateCallOutSessionRequest, play: Play, pushUrl: string | null): FarCall {
      const call = newCall({ sessionId: randomUUID(), order, play, acceptedAt: now(), pushUrl });
      const id = plain(call.sessionId);
      calls.add(id, call);
      calls.play(id, planOf(play), (step) => take(call, step.what));
      return call;
    },
    get(appId: number, sessionId: string): FarCall | undefined {
      const call = calls.get(plain(sessionId));
      return call?.order.SdkAppId === appId ? call : undefined;
    },
    active: (appId: number): FarCall[] => calls.running().filter((call) => call.order.SdkAppId === appId),
    isBusy: (userId: string): boolean => calls.running().some((call) => call.order.UserId === userId),
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
  };
}
