/** The far side's calls, running and ended, and the timers that play them. Ended ones are bounded. */
import type { CallMessage, EventMessage, PlaceRequest } from "../wire.ts";
import { type FarCall, messageOf, newCall } from "./call.ts";
import { openFeed } from "./feed.ts";
import { type Play, planOf, type Step } from "./plan.ts";

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

export interface CallsOptions {
  keepEnded: number;
  feedPage: number;
  seed: string;
  now: () => number;
  setTimer: SetTimer;
  tell(call: FarCall, message: EventMessage | CallMessage): void;
}

/** How long an ended call is still in the list of running ones. */
const recentMs = 120_000;

export function openCalls(options: CallsOptions) {
  const byId = new Map<string, FarCall>();
  const byRef = new Map<string, FarCall[]>();
  const ended: FarCall[] = [];
  /** The next step of each running call: one at a time, so that two steps of the same moment keep their order. */
  const timers = new Map<string, () => void>();
  const feed = openFeed({ entriesMax: 2 * options.keepEnded, page: options.feedPage, seed: options.seed });
  let counter = 0;
  let forgottenUntil = 0;

  function schedule(call: FarCall, [step, ...later]: Step[], playedMs: number): void {
    if (!step) return;
    const act = () => {
      take(call, step);
      schedule(call, later, step.afterMs);
    };
    timers.set(call.callId, options.setTimer((step.afterMs - playedMs) / call.order.speed, act));
  }

  function take(call: FarCall, { event, leg, code }: Step): void {
    const at = new Date(options.now());
    if (leg !== null) {
      if (event === "calling") call[leg].calledAt = at;
      if (event === "answered") call[leg].answeredAt = at;
      if (event === "ringing") {
        call[leg].rangAt = at;
        call.rings[leg] += 1;
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
    timers.get(call.callId)?.();
    timers.delete(call.callId);
    call.endedAt = at;
    call.code = code;
    ended.push(call);
    if (!call.play.silentAfterRinging) feed.add(call);
    if (call.play.jumbled) feed.add(call);
    const oldest = ended.length > options.keepEnded ? ended.shift() : undefined;
    if (oldest) forget(oldest);
  }

  function forget(call: FarCall): void {
    forgottenUntil = call.endedAt?.getTime() ?? 0;
    byId.delete(call.callId);
    const key = refKey(call.account, call.order.callRef, call.order.attempt);
    const others = (byRef.get(key) ?? []).filter((one) => one !== call);
    if (others.length > 0) byRef.set(key, others);
    else byRef.delete(key);
  }

  return {
    start(account: string, order: PlaceRequest, play: Play): FarCall {
      counter += 1;
      const callId = `fk-${options.seed}-${counter}`;
      const call = newCall({ account, callId, order, play, acceptedAt: new Date(options.now()) });
      byId.set(callId, call);
      const key = refKey(account, order.callRef, order.attempt);
      byRef.set(key, [...(byRef.get(key) ?? []), call]);
      schedule(call, planOf(play, order), 0);
      return call;
    },
    hangup(call: FarCall): void {
      take(call, { afterMs: 0, event: "hangup", leg: null, code: call.b.answeredAt ? "completed" : "cancelled" });
    },
    get(account: string, callId: string): FarCall | undefined {
      const call = byId.get(callId);
      return call?.account === account ? call : undefined;
    },
    /** `complete` is false where a call of the last two minutes may have been forgotten. */
    list(which: "running" | "ended", account: string, callRef: string, attempt: number) {
      const since = options.now() - recentMs;
      const calls = (byRef.get(refKey(account, callRef, attempt)) ?? []).filter((call) =>
        which === "ended" ? call.endedAt !== null : call.endedAt === null || call.endedAt.getTime() >= since,
      );
      const names = calls.map((call) => ({ callId: call.callId, callRef, attempt }));
      return { calls: names, complete: forgottenUntil < since };
    },
    read: feed.read,
    all: () => [...byId.values()],
    ringsOf(customer: string): { a: number; b: number } {
      const rings = [...byId.values()].filter((call) => call.order.customer === customer).map((call) => call.rings);
      const sum = (leg: "a" | "b") => rings.reduce((total, one) => total + one[leg], 0);
      return { a: sum("a"), b: sum("b") };
    },
    stop(): void {
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}

function refKey(account: string, callRef: string, attempt: number): string {
  return `${account} ${attempt} ${callRef}`;
}
