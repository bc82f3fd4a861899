/** Pushes records and server callbacks, each once: no second try is documented. */
import { type Action, callbackOf, type FarCall, type Nested, recordOf, xmlOf } from "./call.ts";

export interface PusherOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Which of them a push is in follows no documented rule. */
  format: "xml" | "json";
  /** The address entered on the app for server callbacks; null asks nobody. */
  callbackUrlOf(call: FarCall): string | null;
  /** What a right answer to a server callback says. */
  authReply: "0000" | "000000";
  /** Where recordings are served. */
  origin(): string;
}

const answerMs = 5_000;

export function openPusher(options: PusherOptions) {
  const stopped = new AbortController();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  /** The last push of each call, so that the next one waits for it. */
  const queues = new Map<string, Promise<unknown>>();
  let lost = 0;

  /** The body of a right answer, or null. */
  async function push(url: string, root: string, fields: Nested, call: FarCall): Promise<string | null> {
    if (stopped.signal.aborted) return null;
    const isXml = options.format === "xml";
    const written = isXml ? xmlOf(root, fields) : JSON.stringify(fields);
    const body = call.play.garbagePushes ? "busy" : written;
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
    const headers = { "content-type": isXml ? "application/xml;charset=utf-8" : "application/json;charset=utf-8" };
    try {
      const response = await options.fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      const answer = await response.text();
      const code = /"?statuscode"?\s*[>:]\s*"?(\d+)/.exec(answer)?.[1];
      const wanted = fields.action === undefined ? "000000" : options.authReply;
      if (response.status === 200 && code === wanted) return answer;
      lost += 1;
    } catch {
      lost += 1;
    }
    return null;
  }

  function enqueue(call: FarCall, act: () => Promise<unknown>): void {
    const { lateMs = 0, silent, jumbled } = call.play;
    if (silent) return;
    const next = (queues.get(call.callSid) ?? Promise.resolve()).then(async () => {
      if (lateMs > 0) await later(lateMs);
      await act();
      if (jumbled) await act();
    });
    queues.set(call.callSid, next);
    void next.then(() => {
      if (queues.get(call.callSid) === next) queues.delete(call.callSid);
    });
  }

  function later(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        resolve();
      }, ms);
      timers.add(timer);
    });
  }

  function callback(call: FarCall, action: Action): Promise<string | null> {
    const url = call.play.callbackUrl ?? options.callbackUrlOf(call);
    if (url === null) return Promise.resolve(null);
    return push(`${url}/${action}`, "Request", callbackOf(call, action, options.origin()), call);
  }

  function record(call: FarCall): void {
    const root = call.order.needBothCdr === "1" ? "CDRS" : "CDR";
    const { hangupCdrUrl } = call.order;
    if (hangupCdrUrl !== "") enqueue(call, () => push(hangupCdrUrl, root, recordOf(call, options.origin()), call));
  }

  return {
    async mayBegin(call: FarCall): Promise<boolean> {
      if (options.callbackUrlOf(call) === null) return true;
      const answer = await callback(call, "CallAuth");
      call.record = /"?record"?\s*[>:]\s*"?([01])/.exec(answer ?? "")?.[1] ?? null;
      return answer !== null;
    },
    established(call: FarCall): void {
      if (!call.play.jumbled) enqueue(call, () => callback(call, "CallEstablish"));
    },
    ended(call: FarCall): void {
      if (call.play.jumbled) record(call);
      enqueue(call, () => callback(call, "Hangup"));
      if (!call.play.jumbled) record(call);
    },
    lost: () => lost,
    stop(): void {
      stopped.abort();
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
