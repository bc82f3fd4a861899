/** The far side of the `e9` channel: 玖云 on a socket, with its rules, its payloads and scripted calls. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { FarCall } from "./far/call.ts";
import { openCalls, type SetTimer } from "./far/calls.ts";
import { type Account, openDoor } from "./far/door.ts";
import { type Operation, openOperations, write } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";
import { recordingMp3 } from "./far/recording.ts";

export type { FarCall } from "./far/call.ts";
export type { Ending, Script } from "./far/plan.ts";

export interface E9ProviderOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  /** Under which name the call is placed; the provider's pages spell it in two ways. */
  callbackPath?: "callBack" | "callback";
  /** 100 makes a call a hundred times as fast. */
  speed?: number;
  /** Queries for records that one account may make in a minute; 9 by default, since it has to be fewer than ten. */
  recordsPerMinute?: number;
  /** At most 16 letters or digits of every call id; a far side that starts again needs another one. */
  seed?: string;
  now?: () => number;
  /** What plays the calls; real time unless given. */
  setTimer?: SetTimer;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface E9Provider {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  /** With each app the address entered on it for notifications; null pushes nothing. */
  addAccount(accountSid: string, account: Account): void;
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
const recordingPath = /^\/record\/(\w+)\.mp3$/;

export async function startE9Provider(options: E9ProviderOptions = {}): Promise<E9Provider> {
  const now = options.now ?? Date.now;
  const speed = options.speed ?? 1;
  const accounts = new Map<string, Account>();
  const scripts = new Map<string, Script>();
  const nextScripts: Script[] = [];
  const requests: Record<string, number> = {};
  const host = options.host ?? "127.0.0.1";
  let port = 0;
  const origin = () => `http://${host}:${port}`;
  const pusher = openPusher({
    fetch: options.fetch ?? fetch,
    now,
    speed,
    addressOf: ({ accountSid, appId }) => accounts.get(accountSid)?.apps[appId] ?? null,
    origin,
  });
  const seed = options.seed ?? randomUUID().replaceAll("-", "").slice(0, 16);
  const calls = openCalls({ speed, seed, now, setTimer: options.setTimer ?? realTimer, tell: pusher.tell });
  const operations = openOperations(calls, {
    callbackPath: options.callbackPath ?? "callBack",
    recordsPerMinute: options.recordsPerMinute ?? 9,
    now,
    origin,
    scriptFor: (callRef, customer) => scripts.get(callRef) ?? scripts.get(customer) ?? nextScripts.shift() ?? {},
  });
  const door = openDoor(accounts, now);
  const recordingOf = (callId: string, auth: string | null) => {
    const call = calls.all().find((one) => one.callId === callId);
    if (!call || !door.opensRecording(call.accountSid, auth)) return 401;
    return call.order.needRecord === 1 && call.startTimeA !== null && call.endTime !== null ? 200 : 404;
  };
  const serve = serving({ door, operationNamed: operations.named, requests, recordingOf, now });
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
    addAccount: (accountSid, account) => void accounts.set(accountSid, account),
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
  operationNamed(name: string): Operation | undefined;
  requests: Record<string, number>;
  /** The HTTP status with which a recording is answered. */
  recordingOf(callId: string, auth: string | null): number;
  now(): number;
}

function serving({ door, operationNamed, requests, recordingOf, now }: Serving) {
  const count = (name: string) => {
    requests[name] = (requests[name] ?? 0) + 1;
  };
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://far.side");
    const body = await read(request);
    const [, recorded] = recordingPath.exec(url.pathname) ?? [];
    if (recorded !== undefined) {
      count("recording");
      const status = recordingOf(recorded, url.searchParams.get("auth"));
      const type = status === 200 ? "audio/mpeg" : "text/html";
      return void response.writeHead(status, { "content-type": type }).end(status === 200 ? recordingMp3() : "no");
    }
    const admitted = door.admit(request, url);
    if (admitted === null || request.method !== "POST" || body === null) {
      return void response.writeHead(404, { "content-type": "text/html" }).end("<html>not found");
    }
    if ("refusal" in admitted) {
      count("unauthorized");
      return write(response, { statusCode: admitted.refusal }, now());
    }
    const operation = operationNamed(admitted.operation);
    if (!operation) return void response.writeHead(404, { "content-type": "text/html" }).end("<html>not found");
    count(admitted.operation);
    const result = operation({ ...admitted, body, response });
    if (result) write(response, result, now());
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
