/** The far side of the `ronglian` channel: 容联云通讯 on a socket, with its rules, its payloads and scripted calls. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { FarCall } from "./far/call.ts";
import { openCalls, type SetTimer } from "./far/calls.ts";
import { type Account, openDoor } from "./far/door.ts";
import { openOperations, write } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";
import { recordingWav } from "./far/recording.ts";

export interface RonglianProviderOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  callbackPath?: string;
  /** Of every push. */
  format?: "xml" | "json";
  /** What a right answer to a server callback says. */
  authReply?: "0000" | "000000";
  /** 100 makes a call a hundred times as fast. */
  speed?: number;
  /** At most 16 letters or digits of every call id; a far side that starts again needs another one. */
  seed?: string;
  now?: () => number;
  /** What plays the calls; real time unless given. */
  setTimer?: SetTimer;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface RonglianProvider {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  addAccount(sid: string, account: Account): void;
  /** For every call to this customer number, or with this call reference; `next` for one call, whichever it is. */
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
const recordingPath = /^\/record\/(\w+)\.wav$/;

export async function startRonglianProvider(options: RonglianProviderOptions = {}): Promise<RonglianProvider> {
  const now = options.now ?? Date.now;
  const host = options.host ?? "127.0.0.1";
  const accounts = new Map<string, Account>();
  const scripts = new Map<string, Script>();
  const nextScripts: Script[] = [];
  const requests: Record<string, number> = {};
  let port = 0;
  const origin = () => `http://${host}:${port}`;
  const pusher = openPusher({
    fetch: options.fetch ?? fetch,
    format: options.format ?? "xml",
    authReply: options.authReply ?? "0000",
    callbackUrlOf: ({ sid, play }) => play.callbackUrl ?? accounts.get(sid)?.callbackUrl ?? null,
    origin,
  });
  const seed = options.seed ?? randomUUID().replaceAll("-", "").slice(0, 16);
  const calls = openCalls({ speed: options.speed ?? 1, seed, now, setTimer: options.setTimer ?? realTimer, ...pusher });
  const operations = openOperations(calls, {
    callbackPath: options.callbackPath ?? "Calls/Callback",
    now,
    scriptFor: (callRef, customer) => scripts.get(callRef) ?? scripts.get(customer) ?? nextScripts.shift() ?? {},
  });
  const serve = serving({ door: openDoor(accounts, now), operations, requests, callOf: calls.get });
  const server = createServer((request, response) => {
    // A connection that breaks off is nobody's error here: the far side just goes on.
    serve(request, response).catch(() => response.socket?.destroy());
  });
  port = await listen(server, options.port ?? 0, host);

  let stopping: Promise<void> | null = null;
  return {
    url: origin(),
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
    addAccount: (sid, account) => void accounts.set(sid, account),
    script(target, script) {
      if (target === "next") nextScripts.push(script);
      else scripts.set(target.replace(/^\+86/, ""), script);
    },
    get calls() {
      return calls.all();
    },
    ringsOf: (customer) => calls.ringsOf(customer.replace(/^\+86/, "")),
    requests,
    get pushesLost() {
      return pusher.lost();
    },
  };
}

interface Serving {
  door: ReturnType<typeof openDoor>;
  operations: ReturnType<typeof openOperations>;
  requests: Record<string, number>;
  callOf(callSid: string): FarCall | undefined;
}

function serving({ door, operations, requests, callOf }: Serving) {
  const count = (name: string) => {
    requests[name] = (requests[name] ?? 0) + 1;
  };
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://far.side");
    const body = await read(request);
    const [, recorded] = recordingPath.exec(url.pathname) ?? [];
    if (recorded !== undefined) {
      const isThere = callOf(recorded)?.endedAt != null;
      response.writeHead(isThere ? 200 : 404, { "content-type": isThere ? "audio/wav" : "text/html" });
      return void response.end(isThere ? recordingWav() : "no");
    }
    const notFound = () => void response.writeHead(404, { "content-type": "text/html" }).end("<html>not found");
    const admitted = door.admit(request, url);
    if (admitted === null || body === null) return notFound();
    if ("refusal" in admitted) {
      count("unauthorized");
      return write(response, { statusCode: admitted.refusal, statusMsg: "no" });
    }
    const method = request.method ?? "";
    const operation = operations.named(`${method} ${admitted.operation}`);
    if (!operation) return notFound();
    count(admitted.operation);
    const result = operation({ ...admitted, method, body, response });
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
