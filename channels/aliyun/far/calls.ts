/** The far side's calls, running and ended, and the timers that play them. */
import type { StartCall } from "../wire.ts";
import { type FarCall, isRecorded, type Message, messageOf, newCall } from "./call.ts";
import { type Play, planOf, type Step } from "./plan.ts";

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

export interface CallsOptions {
  speed: number;
  /** Real milliseconds between a call's end and its record. */
  cdrLateMs: number;
  returnsTags: boolean;
  /** Part of every job id. */
  seed: string;
  now: () => number;
  setTimer: SetTimer;
  tell(call: FarCall, messages: Message[]): void;
}

/** The oldest calls are forgotten beyond so many. */
const callsMax = 20_000;

export function openCalls(options: CallsOptions) {
  const byId = new Map<string, FarCall>();
  /** The next step of each running call: one at a time, so that two steps of the same moment keep their order. */
  const steps = new Map<string, () => void>();
  const timers = new Set<() => void>();
  const rings = new Map<string, { a: number; b: number }>();
  let counter = 0;

  function later(ms: number, act: () => void): void {
    const cancel = options.setTimer(ms, () => {
      timers.delete(cancel);
      act();
    });
    timers.add(cancel);
  }

  function schedule(call: FarCall, [step, ...rest]: Step[], playedMs: number): void {
    if (!step) return;
    const act = () => {
      take(call, step);
      schedule(call, rest, step.afterMs);
    };
    // News of a call may overtake the answer to its start.
    if (step.afterMs === playedMs) act();
    else steps.set(call.jobId, options.setTimer((step.afterMs - playedMs) / options.speed, act));
  }

  function take(call: FarCall, step: Step): void {
    const at = options.now();
    switch (step.name) {
      case "dial":
        tell(call, messageOf(call, "Dialing", null, at));
        return;
      case "ring":
        ring(call, step.leg, at);
        return;
      case "answer-a":
        call.answeredAtA = at;
        return;
      case "establish":
        call.answeredAtB = at;
        tell(call, messageOf(call, "Established", "a", at), messageOf(call, "Established", "b", at));
        return;
      case "release":
        release(call, step, at);
        return;
    }
  }

  function tell(call: FarCall, ...messages: Message[]): void {
    call.messages.push(...messages);
    options.tell(call, messages);
  }

  function ring(call: FarCall, leg: "a" | "b", at: number): void {
    const { Caller, Callee } = call.order;
    call.rings[leg] += 1;
    const sum = rings.get(Callee) ?? { a: 0, b: 0 };
    rings.set(Callee, { ...sum, [leg]: sum[leg] + 1 });
    tell(call, messageOf(call, "Ringing", leg, at, { destination: leg === "a" ? Caller : Callee }));
  }

  /** First the leg that is the reason, then the other, if it was there. */
  function release(call: FarCall, { leg, reason }: { leg: "a" | "b"; reason: string }, at: number): void {
    steps.get(call.jobId)?.();
    steps.delete(call.jobId);
    call.endedAt = at;
    call.reason = reason;
    call.disposition = call.answeredAtB !== null ? "Success" : reason.startsWith("603") ? "Reject" : "NoAnswer";
    const other = leg === "a" ? "b" : "a";
    const released = [messageOf(call, "Released", leg, at, { releaseReason: reason })];
    if (other === "a" || call.rings.b > 0) {
      released.push(messageOf(call, "Released", other, at, { releaseReason: "200 - Okay" }));
    }
    tell(call, ...released);
    if (call.play.losesCdr) return;
    if (options.cdrLateMs === 0) file(call, at);
    else later(options.cdrLateMs, () => file(call, at));
  }

  function file(call: FarCall, endedAt: number): void {
    call.isFiled = true;
    const iso = (ms: number | null) => (ms === null ? "" : new Date(ms).toISOString());
    const times = { startTime: iso(call.acceptedAt), endTime: iso(endedAt), agentIds: "" };
    const at = options.now();
    if (isRecorded(call)) {
      const file = { fileName: `${call.jobId}.wav`, downloadURL: "https://recordings.invalid/expired" };
      const spoken = { ...times, startTime: iso(call.answeredAtB), ...file };
      tell(call, messageOf(call, "RecordingReady", null, at, spoken));
    }
    const established = { establishedTime: iso(call.answeredAtA), dispositionCode: call.disposition ?? "" };
    tell(call, messageOf(call, "CDRReady", null, at, { ...times, ...established }));
  }

  return {
    start(instanceId: string, order: StartCall, play: Play): FarCall {
      counter += 1;
      const jobId = `job-${options.seed}${String(counter).padStart(10, "0")}`;
      const acceptedAt = options.now();
      const call = newCall({ instanceId, jobId, order, play, acceptedAt, returnsTags: options.returnsTags });
      byId.set(jobId, call);
      const [oldest] = byId.keys();
      if (byId.size > callsMax && oldest !== undefined) byId.delete(oldest);
      schedule(call, planOf(play, Number(order.TimeoutSeconds)), 0);
      return call;
    },
    hangUp(call: FarCall): void {
      release(call, { leg: "a", reason: "200 - Okay" }, options.now());
    },
    get(instanceId: string, jobId: string): FarCall | undefined {
      const call = byId.get(jobId);
      return call?.instanceId === instanceId ? call : undefined;
    },
    all: () => [...byId.values()],
    ringsOf: (customer: string) => rings.get(customer) ?? { a: 0, b: 0 },
    later,
    stop(): void {
      for (const cancel of [...timers, ...steps.values()]) cancel();
      timers.clear();
      steps.clear();
    },
  };
}
