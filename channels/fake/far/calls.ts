/** The far side's calls, what their steps do to them, and the lists that they are in. */
import type { Far } from "../../kit/far/side.ts";
import type { CallMessage, EventMessage, PlaceRequest } from "../wire.ts";
import { type FarCall, messageOf, newCall } from "./call.ts";
import { openFeed } from "./feed.ts";
import { type Play, planOf, type Script, type Step } from "./plan.ts";

export interface CallsOptions {
  seed: string;
  feedPage: number;
  feedMax: number;
  tell(call: FarCall, message: EventMessage | CallMessage): void;
}

/** How long an ended call is still in the list of running ones. */
const recentMs = 120_000;

export function openCalls({ calls, rang, now }: Far<FarCall, Script>, options: CallsOptions) {
  const byRef = new Map<string, FarCall[]>();
  const feed = openFeed({ entriesMax: options.feedMax, page: options.feedPage, seed: options.seed });
  let counter = 0;
  let forgottenUntil = 0;

  function take(call: FarCall, { event, leg, code }: Step): void {
    const at = new Date(now());
    if (leg !== null) {
      if (event === "calling") call[leg].calledAt = at;
      if (event === "answered") call[leg].answeredAt = at;
      if (event === "ringing") {
        call[leg].rangAt = at;
        rang(call.order.customer, leg);
      }
    }
    call.state = leg === null ? event : `${event}-${leg}`;
    if (event === "hangup") finish(call, at, code);
    const { callId, order } = call;
    const names = { callId, callRef: order.callRef, attempt: order.attempt };
    options.tell(call, { type: "event", ...names, event, leg, time: at.toISOString(), code });
    if (event === "hangup") options.tell(call, messageOf(call));
  }

  function finish(call: FarCall, at: Date, code: string | null): void {
    call.endedAt = at;
    call.code = code;
    if (!call.play.silentAfterRinging) feed.add(call);
    if (call.play.jumbled) feed.add(call);
    const forgotten = calls.end(call.callId);
    if (forgotten) forget(forgotten);
  }

  function forget(call: FarCall): void {
    forgottenUntil = call.endedAt?.getTime() ?? 0;
    const key = refKey(call.account, call.order.callRef, call.order.attempt);
    const others = (byRef.get(key) ?? []).filter((one) => one !== call);
    if (others.length > 0) byRef.set(key, others);
    else byRef.delete(key);
  }

  return {
    start(account: string, order: PlaceRequest, play: Play): FarCall {
      counter += 1;
      const callId = `fk-${options.seed}-${counter}`;
      const call = newCall({ account, callId, order, play, acceptedAt: new Date(now()) });
      calls.add(callId, call);
      const key = refKey(account, order.callRef, order.attempt);
      byRef.set(key, [...(byRef.get(key) ?? []), call]);
      calls.play(callId, planOf(play, order), (step) => take(call, step), order.speed);
      return call;
    },
    hangup(call: FarCall): void {
      take(call, { afterMs: 0, event: "hangup", leg: null, code: call.b.answeredAt ? "completed" : "cancelled" });
    },
    get(account: string, callId: string): FarCall | undefined {
      const call = calls.get(callId);
      return call?.account === account ? call : undefined;
    },
    /** `complete` is false where a call of the last two minutes may have been forgotten. */
    list(which: "running" | "ended", account: string, callRef: string, attempt: number) {
      const since = now() - recentMs;
      const listed = (byRef.get(refKey(account, callRef, attempt)) ?? []).filter((call) =>
        which === "ended" ? call.endedAt !== null : call.endedAt === null || call.endedAt.getTime() >= since,
      );
      const names = listed.map((call) => ({ callId: call.callId, callRef, attempt }));
      return { calls: names, complete: forgottenUntil < since };
    },
    read: feed.read,
  };
}

function refKey(account: string, callRef: string, attempt: number): string {
  return `${account} ${attempt} ${callRef}`;
}
