/** The far side's calls, and what their steps do to them. */
import { randomUUID } from "node:crypto";
import type { Far } from "../../kit/far/side.ts";
import type { StartCall } from "../wire.ts";
import { type FarCall, isRecorded, type Message, messageOf, newCall } from "./call.ts";
import { type Play, planOf, type Script, type Step } from "./plan.ts";

export interface CallsOptions {
  /** Milliseconds between a call's end and its record. */
  cdrLateMs: number;
  returnsTags: boolean;
  tell(call: FarCall, messages: Message[]): void;
}

export function openCalls({ calls, timers, rang, now }: Far<FarCall, Script>, options: CallsOptions) {
  const seed = randomUUID().slice(0, 8);
  let counter = 0;

  function take(call: FarCall, step: Step): void {
    const at = now();
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
    call[leg === "a" ? "rangA" : "rangB"] = true;
    rang(Callee, leg);
    tell(call, messageOf(call, "Ringing", leg, at, { destination: leg === "a" ? Caller : Callee }));
  }

  /** First the leg that is the reason, then the other, if it was there. */
  function release(call: FarCall, { leg, reason }: { leg: "a" | "b"; reason: string }, at: number): void {
    calls.end(call.jobId);
    call.endedAt = at;
    call.reason = reason;
    call.disposition = call.answeredAtB !== null ? "Success" : reason.startsWith("603") ? "Reject" : "NoAnswer";
    const other = leg === "a" ? "b" : "a";
    const released = [messageOf(call, "Released", leg, at, { releaseReason: reason })];
    if (other === "a" || call.rangB) {
      released.push(messageOf(call, "Released", other, at, { releaseReason: "200 - Okay" }));
    }
    tell(call, ...released);
    if (call.play.losesCdr) return;
    if (options.cdrLateMs === 0) file(call, at);
    else timers.later(options.cdrLateMs, () => file(call, at));
  }

  function file(call: FarCall, endedAt: number): void {
    call.isFiled = true;
    const iso = (ms: number | null) => (ms === null ? "" : new Date(ms).toISOString());
    const times = { startTime: iso(call.acceptedAt), endTime: iso(endedAt), agentIds: "" };
    const at = now();
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
      const jobId = `job-${seed}${String(counter).padStart(10, "0")}`;
      const acceptedAt = now();
      const call = newCall({ instanceId, jobId, order, play, acceptedAt, returnsTags: options.returnsTags });
      calls.add(jobId, call);
      const steps = planOf(play, Number(order.TimeoutSeconds));
      // News of a call may overtake the answer to its start.
      for (const step of steps) if (step.afterMs === 0) take(call, step);
      calls.play(
        jobId,
        steps.filter(({ afterMs }) => afterMs > 0),
        (step) => take(call, step),
      );
      return call;
    },
    hangUp(call: FarCall): void {
      release(call, { leg: "a", reason: "200 - Okay" }, now());
    },
    get(instanceId: string, jobId: string): FarCall | undefined {
      const call = calls.get(jobId);
      return call?.instanceId === instanceId ? call : undefined;
    },
  };
}
