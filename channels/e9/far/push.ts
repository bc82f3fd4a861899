/** Pushes a call's notifications one after the other, each once: no second try is documented. */
import { type Action, type FarCall, noticeOf, xmlOf } from "./call.ts";

export interface PusherOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  now: () => number;
  speed: number;
  /** The address entered on the app. */
  addressOf(call: FarCall): string | null;
  /** Where recordings are served. */
  origin(): string;
}

const answerMs = 5_000;
/** At speed 1, how long a jumbled call holds back that A is called: beyond that B is. */
const heldBackMs = 2_600;

export function openPusher(options: PusherOptions) {
  const stopped = new AbortController();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  /** The last push of each call, so that the next one waits for it. */
  const queues = new Map<string, Promise<void>>();
  let lost = 0;

  function tell(call: FarCall, action: Action, leg: "a" | "b" | null): void {
    const { play } = call;
    const url = play.notifyUrl ?? options.addressOf(call);
    if (url === null || isLost(call, action, leg)) return;
    const notice = noticeOf(call, action, leg, options.now(), options.origin());
    const body = play.garbagePushes ? "<html>busy" : xmlOf(notice);
    const delayMs = (play.lateMs ?? 0) + (play.jumbled && leg === "a" ? heldBackMs / options.speed : 0);
    for (let copy = 0; copy < (play.jumbled ? 2 : 1); copy += 1) {
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

  function enqueue({ callId }: FarCall, url: string, body: string): void {
    const next = (queues.get(callId) ?? Promise.resolve()).then(() => push(url, body));
    queues.set(callId, next);
    void next.then(() => {
      if (queues.get(callId) === next) queues.delete(callId);
    });
  }

  async function push(url: string, body: string): Promise<void> {
    if (stopped.signal.aborted) return;
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
    const headers = { "content-type": "application/xml;charset=utf-8" };
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

function isLost({ play }: FarCall, action: Action, leg: "a" | "b" | null): boolean {
  if (play.losesFinal && action === "Hangup") return true;
  if (play.jumbled && action === "CallEstablish") return true;
  return play.silentAfterInvite === true && leg !== "a";
}
