/** Pushes a call's messages one after the other, each once. */
import { type FarCall, noticeOf } from "./calls.ts";
import type { Dialect } from "./dialect.ts";

export interface PusherOptions {
  dialect: Dialect;
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  now: () => number;
  speed: number;
  pushSecretOf(account: string): string;
  origin(): string;
}

const answerMs = 5_000;
/** At speed 1, how long a jumbled call holds back that A is called: until after A has answered. */
const heldBackMs = 2_200;

export function openPusher(options: PusherOptions) {
  const { dialect, now, speed } = options;
  const stopped = new AbortController();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  /** The last push of each call, so that the next one waits for it. */
  const queues = new Map<string, Promise<void>>();
  let lost = 0;

  function tell(call: FarCall, event: string): void {
    const { play, order } = call;
    if (order.callback === "" || isLost(call, event)) return;
    const notice = noticeOf(call, event, options.origin());
    const send = () => enqueue(call, () => push(call, notice));
    for (let copy = 0; copy < (play.jumbled ? 2 : 1); copy += 1) {
      if (play.jumbled && event === "calling" && call.leg === "a") later(heldBackMs / speed, send);
      else send();
    }
  }

  function later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  }

  function enqueue({ id }: FarCall, act: () => Promise<void>): void {
    const next = (queues.get(id) ?? Promise.resolve()).then(act);
    queues.set(id, next);
    void next.then(() => {
      if (queues.get(id) === next) queues.delete(id);
    });
  }

  async function push({ account, order, play }: FarCall, notice: ReturnType<typeof noticeOf>): Promise<void> {
    if (stopped.signal.aborted) return;
    const secret = play.wrongProof ? "not-the-secret-of-pushes" : options.pushSecretOf(account);
    const { query, headers, body } = dialect.push(notice, secret, now());
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
    try {
      const init: RequestInit = { method: "POST", headers, body, signal, redirect: "manual" };
      const response = await options.fetch(order.callback + query, init);
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

function isLost({ play, leg }: FarCall, event: string): boolean {
  if (play.losesFinal && (event === "hangup" || event === "cdr")) return true;
  return play.jumbled === true && event === "answered" && leg === "b";
}
