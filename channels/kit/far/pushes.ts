/** Pushes: a call's one after the other, doubled or held back as its play wants it. */
import type { Timers } from "./timers.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Manner {
  copies?: number;
  /** Milliseconds by which it is held back, so that later ones overtake it. */
  afterMs?: number;
}

export interface Received {
  status: number;
  text: string;
}

const answerMs = 5_000;

export function openPushes(fetch: Fetch, timers: Timers) {
  const stopped = new AbortController();
  /** The last push of each call, so that the next one waits for it. */
  const turns = new Map<string, Promise<unknown>>();
  let lost = 0;

  /** One try; null where nothing came back. */
  async function send(url: string, init: RequestInit): Promise<Received | null> {
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
    try {
      const response = await fetch(url, { method: "POST", redirect: "manual", ...init, signal });
      return { status: response.status, text: await response.text() };
    } catch {
      return null;
    }
  }

  return {
    send,
    /** One try for good: an answer other than 200 makes it a lost one. */
    async sendOnce(url: string, init: RequestInit): Promise<void> {
      if ((await send(url, init))?.status !== 200) lost += 1;
    },
    /** One try more than there are waits; lost where none was taken. */
    async sendUntilTaken(waitsMs: readonly number[], isTaken: () => Promise<boolean>): Promise<void> {
      for (const waitMs of [0, ...waitsMs]) {
        if (waitMs > 0) await timers.pause(waitMs);
        if (stopped.signal.aborted || (await isTaken())) return;
      }
      lost += 1;
    },
    /** Behind all that was told of this call before. */
    inTurn(callId: string, act: () => Promise<unknown>, { copies = 1, afterMs = 0 }: Manner = {}): void {
      const enqueue = () => {
        const turn = (turns.get(callId) ?? Promise.resolve()).then(() => (stopped.signal.aborted ? null : act()));
        turns.set(callId, turn);
        void turn.then(() => {
          if (turns.get(callId) === turn) turns.delete(callId);
        });
      };
      for (let copy = 0; copy < copies; copy += 1) {
        if (afterMs === 0) enqueue();
        else timers.later(afterMs, enqueue);
      }
    },
    lose(): void {
      lost += 1;
    },
    lost: (): number => lost,
    stop: (): void => stopped.abort(),
  };
}
