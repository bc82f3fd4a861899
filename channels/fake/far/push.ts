/** Pushes one event per request, a call's events one after the other, each until the receiver takes it. */
import type { CallMessage, EventMessage } from "../wire.ts";
import type { FarCall } from "./call.ts";
import { stamped } from "./door.ts";

export interface PusherOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  now: () => number;
  nonce: () => string;
  secretOf(account: string): string;
  /** Before the second try; doubled before each further one. */
  retryMs: number;
}

const triesMax = 5;
const answerMs = 5_000;
/** At speed 1, how long a jumbled call holds back every other event. */
const heldBackMs = 2_600;

export function openPusher(options: PusherOptions) {
  const stopped = new AbortController();
  /** The last push of each call, so that the next one waits for it. */
  const queues = new Map<string, Promise<void>>();
  const told = new Map<string, number>();
  let lost = 0;

  function tell(call: FarCall, message: EventMessage | CallMessage): void {
    const url = call.order.notifyUrl;
    const { play, callId } = call;
    const index = told.get(callId) ?? 0;
    told.set(callId, index + 1);
    if (message.type === "cdr") told.delete(callId);
    if (url === null || isLost(call, message)) return;
    const copies = play.jumbled ? 2 : 1;
    const heldBack = play.jumbled && index % 2 === 1 && message.type === "event";
    const delayMs = (play.lateMs ?? 0) + (heldBack ? heldBackMs / call.order.speed : 0);
    for (let copy = 0; copy < copies; copy += 1) {
      if (delayMs === 0) enqueue(call, url, message);
      else void pause(delayMs).then(() => push(call, url, message));
    }
  }

  function enqueue(call: FarCall, url: string, message: EventMessage | CallMessage): void {
    const previous = queues.get(call.callId) ?? Promise.resolve();
    const next = previous.then(() => push(call, url, message));
    queues.set(call.callId, next);
    void next.then(() => {
      if (queues.get(call.callId) === next) queues.delete(call.callId);
    });
  }

  async function push(call: FarCall, url: string, message: EventMessage | CallMessage): Promise<void> {
    const body = JSON.stringify(message);
    for (let tries = 0; tries < triesMax && !stopped.signal.aborted; tries += 1) {
      if (tries > 0) await pause(options.retryMs * 2 ** (tries - 1));
      const secret = call.play.wrongSignature ? "not the secret" : options.secretOf(call.account);
      if (await isTaken(url, stamped(secret, options.nonce(), options.now(), body), body)) return;
    }
    lost += 1;
  }

  async function isTaken(url: string, headers: Record<string, string>, body: string): Promise<boolean> {
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
    try {
      const response = await options.fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (stopped.signal.aborted) return resolve();
      const end = () => {
        clearTimeout(timer);
        stopped.signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      stopped.signal.addEventListener("abort", end);
    });
  }

  return { tell, lost: () => lost, stop: () => stopped.abort() };
}

function isLost({ play, a }: FarCall, message: EventMessage | CallMessage): boolean {
  const isFinal = message.type !== "event" || message.event === "hangup";
  if (play.losesFinal && isFinal) return true;
  if (play.jumbled && message.type === "event" && message.event === "ringing" && message.leg === "b") return true;
  if (!play.silentAfterRinging || message.type !== "event") return play.silentAfterRinging === true;
  return isFinal || message.leg !== "a" || a.answeredAt !== null;
}
