/** Pushes a call's events, one after the other, each once: a second try is not documented, nor is a signature. */
import type { FarCall, Message } from "./call.ts";

export interface PusherOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  speed: number;
  /** The address that the instance has subscribed. */
  addressOf(call: FarCall): string | null;
  /** What else goes with a push: a relay before the fixed address signs it. */
  headersFor(body: string): Record<string, string>;
}

const answerMs = 5_000;
/** At speed 1, how long a jumbled call holds back that A rings: beyond that B does. */
const heldBackMs = 3_000;

export function openPusher(options: PusherOptions) {
  const stopped = new AbortController();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  /** The last push of each call, so that the next one waits for it. */
  const queues = new Map<string, Promise<void>>();
  let lost = 0;

  function tell(call: FarCall, messages: readonly Message[]): void {
    const { play } = call;
    const url = play.notifyUrl ?? options.addressOf(call);
    const told = messages.filter((message) => !isLost(call, message));
    if (url === null || told.length === 0) return;
    const bodies = play.garbagePushes
      ? ["<html>busy"]
      : play.listed
        ? [JSON.stringify(told)]
        : told.map((message) => JSON.stringify(message));
    const isHeldBack = play.jumbled === true && told.some(({ eventType }) => eventType === "Ringing");
    const delayMs = (play.lateMs ?? 0) + (isHeldBack ? heldBackMs / options.speed : 0);
    for (const body of play.jumbled ? bodies.flatMap((one) => [one, one]) : bodies) {
      if (delayMs === 0) enqueue(call, url, body);
      else later(delayMs, () => enqueue(call, url, body));
    }
  }

  function later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  }

  function enqueue({ jobId }: FarCall, url: string, body: string): void {
    const next = (queues.get(jobId) ?? Promise.resolve()).then(() => push(url, body));
    queues.set(jobId, next);
    void next.then(() => {
      if (queues.get(jobId) === next) queues.delete(jobId);
    });
  }

  async function push(url: string, body: string): Promise<void> {
    if (stopped.signal.aborted) return;
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
    const headers = { "content-type": "application/json;charset=UTF-8", ...options.headersFor(body) };
    try {
      const response = await options.fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      await response.body?.cancel();
      if (response.status !== 200) lost += 1;
    } catch {
      lost += 1;
    }
  }

  return {
    tell,
    lost: () => lost,
    stop(): void {
      stopped.abort();
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

function isLost({ play, rings, order }: FarCall, { eventType, channelId = "" }: Message): boolean {
  if (play.silentAfterRinging && rings.a > 0 && eventType !== "Ringing") return true;
  return play.jumbled === true && eventType === "Established" && channelId.includes(order.Caller);
}
