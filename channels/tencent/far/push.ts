/** Sends what the console has it push: each at most four times, with one X-TCCC-PUSH-UUID, proved as set there. */

export type PushAuth =
  | { kind: "none" }
  | { kind: "basic"; user: string; secret: string }
  | { kind: "oauth"; user: string; secret: string; tokenUrl: string };

export interface PusherOptions {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  newId: () => string;
  now: () => number;
  retryMs: number;
}

const answerMs = 5_000;
const triesMax = 4;

export function openPusher({ fetch, newId, now, retryMs }: PusherOptions) {
  const stopped = new AbortController();
  let auth: PushAuth = { kind: "none" };
  let token: { text: string; until: number } | null = null;
  let lost = 0;

  async function push(url: string, action: string, message: object): Promise<void> {
    const address = new URL(url);
    address.searchParams.set("action", action);
    address.searchParams.set("version", "1");
    const headers = { "content-type": "application/json;charset=utf8", "x-tccc-push-uuid": newId() };
    const body = JSON.stringify(message);
    for (let tries = 0; tries < triesMax && !stopped.signal.aborted; tries += 1) {
      if (tries > 0) await pause(retryMs);
      if (await isTaken(address.href, headers, body)) return;
    }
    lost += 1;
  }

  async function isTaken(url: string, headers: Record<string, string>, body: string): Promise<boolean> {
    try {
      const proof = await proofOf(auth);
      const init = { method: "POST", headers: { ...headers, ...proof }, body, redirect: "manual" } as const;
      const response = await fetch(url, { ...init, signal: limit() });
      const answer: unknown = await response.json();
      return (
        response.ok && typeof answer === "object" && answer !== null && "ErrCode" in answer && answer.ErrCode === 0
      );
    } catch {
      return false;
    }
  }

  async function proofOf(by: PushAuth): Promise<Record<string, string>> {
    if (by.kind === "none") return {};
    const basic = `Basic ${Buffer.from(`${by.user}:${by.secret}`).toString("base64")}`;
    if (by.kind === "basic") return { authorization: basic };
    if (token === null || token.until <= now()) token = await newToken(by);
    return { authorization: `Bearer ${token.text}` };
  }

  async function newToken({ tokenUrl, user, secret }: Extract<PushAuth, { kind: "oauth" }>) {
    const form = { grant_type: "client_credentials", client_id: user, client_secret: secret };
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = new URLSearchParams(form).toString();
    const response = await fetch(tokenUrl, { method: "POST", headers, body, signal: limit() });
    const answer = (await response.json()) as { access_token?: unknown; expires_in?: unknown };
    if (typeof answer.access_token !== "string") throw new Error("no token");
    return { text: answer.access_token, until: now() + Number(answer.expires_in ?? 0) * 1_000 };
  }

  function limit(): AbortSignal {
    return AbortSignal.any([stopped.signal, AbortSignal.timeout(answerMs)]);
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      stopped.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  return {
    push,
    authenticate(by: PushAuth): void {
      auth = by;
      token = null;
    },
    lost: () => lost,
    stop: () => stopped.abort(),
  };
}
