/** One call as the far side sees it, and what it tells about it. */
import { wavBytes, wavSeconds } from "../../kit/far/recording.ts";
import type { CallMessage, PlaceRequest } from "../wire.ts";
import type { Play } from "./plan.ts";

interface LegTimes {
  calledAt: Date | null;
  rangAt: Date | null;
  answeredAt: Date | null;
}

export interface FarCall {
  readonly account: string;
  readonly callId: string;
  readonly order: Readonly<PlaceRequest>;
  readonly play: Readonly<Play>;
  readonly acceptedAt: Date;
  readonly a: LegTimes;
  readonly b: LegTimes;
  state: string;
  endedAt: Date | null;
  code: string | null;
  readonly controlled: string[];
}

export function newCall(start: Pick<FarCall, "account" | "callId" | "order" | "play" | "acceptedAt">): FarCall {
  const none = { calledAt: null, rangAt: null, answeredAt: null };
  return {
    ...start,
    a: { ...none },
    b: { ...none },
    state: "accepted",
    endedAt: null,
    code: null,
    controlled: [],
  };
}

/** The state so far, or the CDR once the call is over. */
export function messageOf(call: FarCall): CallMessage {
  const { callId, order, a, b, endedAt, code, play } = call;
  const names = { callId, callRef: order.callRef, attempt: order.attempt };
  if (play.silentAfterRinging) {
    const none = { calledAt: null, rangAt: null, answeredAt: null };
    const heard = { ...written(a), answeredAt: null };
    const state = a.rangAt ? "ringing-a" : "accepted";
    return { type: "state", ...names, state, a: heard, b: none, endedAt: null, code: null, recording: null };
  }
  const recorded = order.record && b.answeredAt !== null && endedAt !== null;
  return {
    type: endedAt ? "cdr" : "state",
    ...names,
    state: call.state,
    a: written(a),
    b: written(b),
    endedAt: endedAt?.toISOString() ?? null,
    code,
    recording: recorded ? { ref: `rec-${callId}`, seconds: wavSeconds, bytes: wavBytes } : null,
  };
}

function written({ calledAt, rangAt, answeredAt }: LegTimes): CallMessage["a"] {
  return {
    calledAt: calledAt?.toISOString() ?? null,
    rangAt: rangAt?.toISOString() ?? null,
    answeredAt: answeredAt?.toISOString() ?? null,
  };
}
