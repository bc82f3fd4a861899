/** Pushes: a status once, a fee record up to six more times, an hour apart; signed where the account asks for it. */
import { createHmac, randomUUID } from "node:crypto";
import type { SetTimer } from "./calls.ts";

export interface PusherOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  now: () => number;
  setTimer: SetTimer;
  signature: "none" | "aksk-v1" | "aksk-v2";
  secretOf(appKey: string): string;
}

export interface Push {
  appKey: string;
  url: string;
}

const answerMs = 5_000;
const feesMax = 50;
/** Records of calls that end together go out together. */
const gatherMs = 20;
const feeRetries = 6;
const retryMs = 3_600_000;

export function openPusher(options: PusherOptions) {
  const stopped = new AbortController();
  const timers = new Set<() => void>();
  /** The last status of each call, so that the next one waits for it. */
  const queues = new Map<string, Promise<unknown>>();
  const gathered = new Map<string, Record<string, unknown>[]>();
  const counts = { lost: 0, fees: 0 };

  function later(ms: number, act: () => void): void {
    const cancel = options.setTimer(ms, () => {
      timers.delete(cancel);
      act();
    });
    timers.add(cancel);
  }

  function signed({ appKey, url }: Push): Record<string, string> {
    if (options.signature === "none") return {};
    const nonce = randomUUID().replaceAll("-", "");
    const isSecond = options.signature === "aksk-v2";
    const created = new Date(options.now() + (isSecond ? 8 * 3_600_000 : 0)).toISOString().replace(/\.\d+Z$/, "Z");
    const text = isSecond ? `${url}\n${nonce}\n${created}` : url + nonce + created;
    const digest = createHmac("sha256", options.secretOf(appKey)).update(text).digest("base64");
    const token = `UsernameToken Username="${appKey}", PasswordDigest="${digest}", Nonce="${nonce}", Created="${created}"`;
    return { authorization: 'AKSK realm="SDP",profile="UsernameToken",type="Appkey"', "x-aksk": token };
  }

  async function send(push: Push, message: unknown): Promise<boolean> {
    if (stopped.signal.aborted) return true;
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
    const headers = { "content-type": "application/json;charset=UTF-8", ...signed(push) };
    try {
      const body = JSON.stringify(message);
      const response = await options.fetch(push.url, { method: "POST", headers, body, signal, redirect: "manual" });
      await response.body?.cancel();
      return response.status === 200;
    } catch {
      return false;
    }
  }

  async function sendFees(push: Push, feeLst: unknown[], retries: number): Promise<void> {
    counts.fees += 1;
    if (await send(push, { eventType: "fee", feeLst })) return;
    if (retries === 0) counts.lost += 1;
    else later(retryMs, () => void sendFees(push, feeLst, retries - 1));
  }

  return {
    status(push: Push, sessionId: string, message: unknown, lateMs: number): void {
      const enqueue = () => {
        const next = (queues.get(sessionId) ?? Promise.resolve()).then(async () => {
          if (!(await send(push, message))) counts.lost += 1;
          if (queues.get(sessionId) === next) queues.delete(sessionId);
        });
        queues.set(sessionId, next);
      };
      if (lateMs === 0) enqueue();
      else later(lateMs, enqueue);
    },
    fee(push: Push, record: Record<string, unknown>): void {
      const waiting = gathered.get(push.url) ?? [];
      waiting.push(record);
      if (gathered.has(push.url)) return;
      gathered.set(push.url, waiting);
      later(gatherMs, () => {
        gathered.delete(push.url);
        for (let from = 0; from < waiting.length; from += feesMax) {
          void sendFees(push, waiting.slice(from, from + feesMax), feeRetries);
        }
      });
    },
    counts,
    stop(): void {
      stopped.abort();
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
