/** Sends the callbacks: unsigned, once, as JSON or, as the vendor's samples print them, as a Java map. */

export interface PusherOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  format: "json" | "map";
}

const answerMs = 5_000;

export function openPusher({ fetch, format }: PusherOptions) {
  const stopped = new AbortController();
  let lost = 0;

  async function push(url: string, message: Record<string, string>): Promise<void> {
    const body = format === "json" ? JSON.stringify(message) : asMap(message);
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
    const headers = { "content-type": "application/json" };
    try {
      const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
      const answer = await response.text();
      if (!response.ok || !answer.includes('"retCode":"0"')) lost += 1;
    } catch {
      lost += 1;
    }
  }

  return { push, lost: () => lost, stop: () => stopped.abort() };
}

function asMap(message: Record<string, string>): string {
  const pairs = Object.entries(message).map(([name, value]) => `${name}=${value}`);
  return `{${pairs.join(", ")}}`;
}
