/** The far side's calls, what their steps do to them, and the list of records. */
import type { Far } from "../../kit/far/side.ts";
import type { CreateCall } from "../wire.ts";
import { type FarCall, newCall } from "./call.ts";
import { openList } from "./list.ts";
import { type Play, planOf, type Script, type Step } from "./plan.ts";

export interface CallsOptions {
  /** Where the serial numbers begin. */
  serialFrom: bigint;
  /** Which of a call's times the list is cut by. */
  cutBy: "start" | "end";
  listMax: number;
  cdrLateMs: number;
  onConnect(call: FarCall): void;
  onRelease(call: FarCall): void;
}

/** At speed 1, how late a jumbled call's record is. */
const jumbledLateMs = 5_000;

export function openCalls({ calls, timers, rang, now, speed }: Far<FarCall, Script>, options: CallsOptions) {
  const list = openList({ cutBy: options.cutBy, entriesMax: options.listMax });
  let serial = options.serialFrom;

  function take(call: FarCall, { event, leg, reasonCode }: Step): void {
    if (leg === null) {
      finish(call, call.play.reasonCode ?? reasonCode);
      return;
    }
    if (event === "calling") call[leg].calledAt = now();
    if (event === "answered") call[leg].answeredAt = now();
    if (event === "ringing") {
      call[leg].rangAt = now();
      rang(call.order.called, leg);
    }
    if (event === "answered" && leg === "b") options.onConnect(call);
  }

  function finish(call: FarCall, reasonCode: number | null): void {
    calls.end(call.callId);
    call.endedAt = now();
    call.reasonCode = reasonCode;
    options.onRelease(call);
    const { jumbled, losesCdr, cdrLateMs } = call.play;
    const lateMs = cdrLateMs ?? (jumbled ? jumbledLateMs / speed : options.cdrLateMs);
    const appear = () => list.add(call, jumbled ? 2 : 1);
    if (!losesCdr && lateMs === 0) appear();
    else if (!losesCdr) timers.later(lateMs, appear);
  }

  return {
    start(account: string, order: CreateCall, play: Play): FarCall {
      serial += 1n;
      const call = newCall({ account, callId: String(serial), order, play, acceptedAt: now() });
      calls.add(call.callId, call);
      calls.play(call.callId, planOf(play), (step) => take(call, step));
      return call;
    },
    get(account: string, callId: string): FarCall | undefined {
      const call = calls.get(callId);
      return call?.account === account ? call : undefined;
    },
    records: list.read,
  };
}
