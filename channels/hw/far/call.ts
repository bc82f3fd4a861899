/** One call as the far side sees it, and what it tells about it. Times are epoch milliseconds. */
import { beijingClock } from "../../kit/far/beijing.ts";
import type { CreateCall } from "../wire.ts";
import type { Play } from "./plan.ts";

interface LegTimes {
  calledAt: number | null;
  rangAt: number | null;
  answeredAt: number | null;
}

export interface FarCall {
  /** The app key. */
  readonly account: string;
  /** Its callSerialNo: 19 digits, more than a JSON number can hold. */
  readonly callId: string;
  readonly order: Readonly<CreateCall>;
  readonly play: Readonly<Play>;
  readonly acceptedAt: number;
  readonly a: LegTimes;
  readonly b: LegTimes;
  endedAt: number | null;
  reasonCode: number | null;
  /** When its state was asked for. */
  readonly askedAt: number[];
}

export function newCall(start: Pick<FarCall, "account" | "callId" | "order" | "play" | "acceptedAt">): FarCall {
  const none = { calledAt: null, rangAt: null, answeredAt: null };
  const legs = { a: { ...none }, b: { ...none } };
  return { ...start, ...legs, endedAt: null, reasonCode: null, askedAt: [] };
}

/** 0 waiting · 1 calling · 2 talking · 3 ended */
export function stateNumber(call: FarCall): number {
  if (call.endedAt !== null) return 3;
  if (call.b.answeredAt !== null) return 2;
  return call.a.calledAt === null ? 0 : 1;
}

function shared({ order, endedAt, a, reasonCode, acceptedAt }: FarCall) {
  return {
    caller: order.caller,
    called: order.called,
    callData: order.callData,
    callerPresent: order.callerPresent ?? "640003",
    agentPresent: order.agentPresent ?? "640003",
    startTime: a.calledAt ?? acceptedAt,
    endTime: endedAt,
    reasonCode,
  };
}

/** `result` of queryCallState: times as strings, as its page documents them. */
export function stateOf(call: FarCall): Record<string, unknown> {
  const { startTime, endTime, reasonCode, ...rest } = shared(call);
  const times = { startTime: String(startTime), ...(endTime !== null && { endTime: String(endTime) }) };
  return { state: stateNumber(call), ...rest, ...times, ...(reasonCode !== null && { reasonCode }) };
}

/** One of `callInfo`: times as numbers and absent where nothing happened, as its page's sample shows them. */
export function recordOf(call: FarCall): Record<string, unknown> {
  const { a, b, endedAt } = call;
  const record = {
    callSerialNo: call.callId,
    ...shared(call),
    state: stateNumber(call),
    agentAlertingTime: a.rangAt,
    agentTalkingTime: a.answeredAt,
    agentReleaseTime: endedAt,
    alertingTime: b.rangAt,
    talkingTime: b.answeredAt,
    releaseTime: endedAt,
    talkDuration: endedAt !== null && b.answeredAt !== null ? Math.floor((endedAt - b.answeredAt) / 1_000) : null,
  };
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
}

export function connectPush({ callId, order }: FarCall): Record<string, string> {
  return {
    callSerialNo: callId,
    serviceNo: String(order.agentWorkNo ?? ""),
    called: order.called,
    callData: order.callData,
  };
}

export function releasePush(call: FarCall): Record<string, string> {
  const { a, b, order, endedAt, reasonCode } = call;
  const times = { createCallTime: call.acceptedAt, alertingTime: b.rangAt, talkingTime: b.answeredAt };
  const agentTimes = { agentAlertingTime: a.rangAt, agentTalkingTime: a.answeredAt, releaseTime: endedAt };
  const written = Object.entries({ ...times, ...agentTimes }).map(([name, at]) => [name, at === null ? "" : local(at)]);
  return {
    ...connectPush(call),
    caller: order.caller,
    ...Object.fromEntries(written),
    recordfile: "",
    locationId: "1",
    releaseReason: String(reasonCode ?? 0),
  };
}

/** `2022/02/22,10:04:29:004`, Beijing's clock. */
function local(at: number): string {
  const iso = beijingClock(at);
  return `${iso.slice(0, 10).replaceAll("-", "/")},${iso.slice(11, 19)}:${iso.slice(20)}`;
}
