/** Pushes events and web call results as the parameters of a GET, each once: no second try is documented. */
import { type CallState, eventOf, type FarCall } from "./call.ts";

export interface PusherOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** The address that the account has entered. */
  addressOf(call: FarCall): string | null;
  /** Where recordings are served. */
  origin(): string;
}

const answerMs = 5_000;

export function openPusher(options: PusherOptions) {
  const stopped = new AbortController();
  /** The last push of each call, so that the next one waits for it. */
  const queues = new Map<string, Promise<void>>();
  let lost = 0;

  async function push(url: string, parameters: Record<string, string>): Promise<void> {
    if (stopped.signal.aborted) return;
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
    const address = new URL(url);
    for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
    try {
      const response = await options.fetch(address.href, { method: "GET", signal, redirect: "manual" });
      await response.body?.cancel();
      if (response.status !== 200) lost += 1;
    } catch {
      lost += 1;
    }
  }

  function enqueue(call: FarCall, url: string, parameters: Record<string, string>): void {
    const next = (queues.get(call.sheetId) ?? Promise.resolve()).then(async () => {
      await push(url, parameters);
      if (call.play.jumbled) await push(url, parameters);
    });
    queues.set(call.sheetId, next);
    void next.then(() => {
      if (queues.get(call.sheetId) === next) queues.delete(call.sheetId);
    });
  }

  function tell(call: FarCall, state: CallState): void {
    const { play } = call;
    const url = play.notifyUrl ?? options.addressOf(call);
    if (url === null || (play.silent && state !== "Ring")) return;
    if (play.jumbled && (state === "Ringing" || state === "Link")) return;
    enqueue(call, url, eventOf(call, state, options.origin()));
    if (play.jumbled && state === "Hangup")
      enqueue(call, url, eventOf({ ...call, end: null }, "Link", options.origin()));
  }

  return {
    tell,
    tellWebcall(call: FarCall, message: "4" | "3"): void {
      const { order, play } = call;
      if (order.kind !== "webcall" || order.callBackUrl === null || play.silent) return;
      enqueue(call, order.callBackUrl, { actionid: order.actionId, Message: message });
    },
    lost: () => lost,
    stop: () => stopped.abort(),
  };
}
