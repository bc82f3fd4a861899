/** The far side of the `fake` channel: a provider on a socket that plays scripted calls and rings no phone. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { FarCall } from "./far/call.ts";
import { openCalls, type SetTimer } from "./far/calls.ts";
import { openDoor } from "./far/door.ts";
import { type Operation, openOperations, write } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";

export type { FarCall } from "./far/call.ts";
export type { Ending, Script } from "./far/plan.ts";

export interface FakeProviderOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  /** Account id → secret. */
  accounts?: Record<string, string>;
  /** Part of every call id; a provider that starts again needs another one, or its ids repeat. */
  seed?: string;
  now?: () => number;
  /** What plays the calls; real time unless given. */
  setTimer?: SetTimer;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  keepEnded?: number;
  feedPage?: number;
  /** Real milliseconds before a push is tried again; doubled each time, four times. */
  pushRetryMs?: number;
}

export interface FakeProvider {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  addAccount(id: string, secret: string): void;
  /** For every call to this customer number, or of this `callRef`; `next` for one call, whichever it is. */
  script(target: string, script: Script): void;
  /** Accepted calls, oldest first. */
  readonly calls: readonly FarCall[];
  /** How often the legs of the calls to this customer rang. */
  ringsOf(customer: string): { a: number; b: number };
  /** Requests by operation; `unauthorized` counts those that proved nothing. */
  readonly requests: Readonly<Record<string, number>>;
  readonly pushesLost: number;
}

const bodyBytesMax = 64 * 1024;

export async function startFakeProvider(options: FakeProviderOptions = {}): Promise<FakeProvider> {
  const now = options.now ?? Date.now;
  const accounts = new Map(Object.entries(options.accounts ?? {}));
  const scripts = new Map<string, Script>();
  const nextScripts: Script[] = [];
  const requests: Record<string, number> = {};
  const pusher = openPusher({
    fetch: options.fetch ?? fetch,
    now,
    nonce: randomUUID,
    secretOf: (account) => accounts.get(account) ?? "",
    retryMs: options.pushRetryMs ?? 500,
  });
  const calls = openCalls({
    keepEnded: options.keepEnded ?? 10_000,
    feedPage: options.feedPage ?? 100,
    seed: options.seed ?? randomUUID().slice(0, 8),
    now,
    setTimer: options.setTimer ?? realTimer,
    tell: pusher.tell,
  });

  const operations = openOperations(
    calls,
    (callRef, customer) => scripts.get(callRef) ?? scripts.get(customer) ?? nextScripts.shift() ?? {},
  );

  const serve = serving(openDoor(accounts, now), operations.named, requests);
  const server = createServer((request, response) => {
    // A connection that breaks off is nobody's error here: the far side just goes on.
    serve(request, response).catch(() => response.socket?.destroy());
  });
  const host = options.host ?? "127.0.0.1";
  const port = await listen(server, options.port ?? 0, host);

  let stopping: Promise<void> | null = null;
  return {
    url: `http://${host}:${port}`,
    stop() {
      stopping ??= new Promise((resolve) => {
        calls.stop();
        pusher.stop();
        operations.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return stopping;
    },
    addAccount: (id, secret) => void accounts.set(id, secret),
    script(target, script) {
      if (target === "next") nextScripts.push(script);
      else scripts.set(target, script);
    },
    get calls() {
      return calls.all();
    },
    ringsOf: calls.ringsOf,
    requests,
    get pushesLost() {
      return pusher.lost();
    },
  };
}

function serving(
  admit: (request: IncomingMessage, body: Buffer) => string | null,
  operationNamed: (name: string) => Operation | undefined,
  requests: Record<string, number>,
) {
  const count = (name: string) => {
    requests[name] = (requests[name] ?? 0) + 1;
  };
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await read(request);
    if (body === null) return write(response, { code: "E_PARAMETER" });
    const account = admit(request, body);
    if (account === null) {
      count("unauthorized");
      return write(response, { code: "E_AUTH" });
    }
    const url = new URL(request.url ?? "/", "http://far.side");
    const name = `${request.method} ${url.pathname.replace(/^(\/v1\/recordings)\/.*$/, "$1")}`;
    const operation = operationNamed(name);
    if (!operation) return write(response, { code: "E_NOT_FOUND" });
    count(name);
    const result = operation({ account, url, body, response });
    if (result) write(response, result);
  };
}

/** The port it listens on. */
async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** null where the body is too large. */
async function read(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const realTimer: SetTimer = (ms, act) => {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
};
