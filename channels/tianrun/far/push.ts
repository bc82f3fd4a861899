/** Pushes: each type to the address with its number behind it, up to three more times. */
import { type FarCall, type PushType, pushFields } from "./call.ts";
import type { SetTimer } from "./calls.ts";
import type { Step } from "./plan.ts";

/** What an enterprise has entered. */
export interface PushSetup {
  url: string | null;
  format: "form" | "json" | "get";
  /** Usual name → the one that was chosen. */
  names: Record<string, string>;
  enterpriseId: string;
}

export interface PusherOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  setTimer: SetTimer;
  speed: number;
  setup: PushSetup;
}

const answerMs = 5_000;
const retries = 3;
const retryMs = 1_000;
/** At speed 1, how long a jumbled call holds back that A's phone rings: beyond B's. */
const heldBackMs = 2_600;
const types: Partial<Record<Step["name"], PushType>> = { "ring-a": "3", "ring-b": "22", bridge: "6", end: "8" };

export function openPusher({ fetch, setTimer, speed, setup }: PusherOptions) {
  const stopped = new AbortController();
  const timers = new Set<() => void>();
  /** The last push of each call, so that the next one waits for it. */
  const queues = new Map<FarCall, Promise<void>>();
  let lost = 0;

  function later(ms: number, act: () => void): void {
    const cancel = setTimer(ms, () => {
      timers.delete(cancel);
      act();
    });
    timers.add(cancel);
  }

  async function send(url: string, fields: Record<string, string>, left: number): Promise<void> {
    if (stopped.signal.aborted) return;
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
    const form = String(new URLSearchParams(fields));
    const [type, body] =
      setup.format === "json"
        ? ["application/json", JSON.stringify(fields)]
        : ["application/x-www-form-urlencoded", form];
    const posted = { method: "POST", headers: { "content-type": type }, body };
    const init = setup.format === "get" ? { method: "GET" } : posted;
    try {
      const to = setup.format === "get" ? `${url}?${form}` : url;
      const response = await fetch(to, { ...init, signal, redirect: "manual" });
      await response.body?.cancel();
      if (response.status === 200) return;
    } catch {
      // Tried again like any other answer.
    }
    if (left > 0) later(retryMs / speed, () => void send(url, fields, left - 1));
    else lost += 1;
  }

  return {
    tell(call: FarCall, name: Step["name"]): void {
      const { play } = call;
      const type = types[name];
      const url = play.notifyUrl ?? setup.url;
      if (type === undefined || url === null) return;
      if ((play.losesEnd && name === "end") || (play.jumbled && name === "bridge")) return;
      const told = Object.entries(pushFields(call, type, setup.enterpriseId));
      const fields = Object.fromEntries(told.map(([field, value]) => [setup.names[field] ?? field, value]));
      const enqueue = () => {
        const next = (queues.get(call) ?? Promise.resolve()).then(() => send(`${url}/${type}`, fields, retries));
        queues.set(call, next);
      };
      for (let copy = 0; copy < (play.jumbled ? 2 : 1); copy += 1) {
        if (play.jumbled && name === "ring-a") later(heldBackMs / speed, enqueue);
        else enqueue();
      }
    },
    lost: () => lost,
    stop(): void {
      stopped.abort();
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
