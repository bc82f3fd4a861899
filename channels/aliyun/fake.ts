/** The far side of the `aliyun` channel: the call center's actions and events on a socket of its own. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { FarCall } from "./far/call.ts";
import { openCalls, type SetTimer } from "./far/calls.ts";
import { openDoor } from "./far/door.ts";
import { openOperations, type Result } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";
import { recordingWav } from "./far/recording.ts";

export type { FarCall } from "./far/call.ts";
export { signatureOf } from "./far/door.ts";
export type { Script } from "./far/plan.ts";

/** What becomes of one request to an action, however right it is. */
export type Fault = "garbage" | "lost" | "throttled" | "unavailable";

export interface AliyunProviderOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  accounts?: Record<string, { secret: string; instances: readonly string[] }>;
  /** Where each instance has its events pushed. */
  subscriptions?: Record<string, string>;
  /** Headers of a push, for whoever signs it on its way. */
  headersFor?: (body: string) => Record<string, string>;
  /** 100 makes a call a hundred times as fast. */
  speed?: number;
  cdrLateMs?: number;
  /** Whether messages and records repeat a call's tags, which the vendor does not say. */
  returnsTags?: boolean;
  now?: () => number;
  /** What plays the calls; real time unless given. */
  setTimer?: SetTimer;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface AliyunProvider {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  /** For every call to this customer number, or with these tags; `next` for one call, whichever it is. */
  script(target: string, script: Script): void;
  subscribe(instanceId: string, url: string): void;
  /** Happens to the next request of this action. */
  failNext(action: string, fault: Fault): void;
  /** Accepted calls, oldest first. */
  readonly calls: readonly FarCall[];
  /** How often the legs of the calls to this customer rang. */
  ringsOf(customer: string): { a: number; b: number };
  /** Requests by action; `refused` counts those that did not get past the signature. */
  readonly requests: Readonly<Record<string, number>>;
  readonly pushesLost: number;
}

export async function startAliyunProvider(options: AliyunProviderOptions = {}): Promise<AliyunProvider> {
  const { speed = 1, now = Date.now, host = "127.0.0.1", headersFor = () => ({}) } = options;
  const scripts = new Map<string, Script>();
  const nextScripts: Script[] = [];
  const faults = new Map<string, Fault[]>();
  const subscriptions = new Map(Object.entries(options.subscriptions ?? {}));
  const requests: Record<string, number> = {};
  let origin = "";
  const addressOf = ({ instanceId }: FarCall) => subscriptions.get(instanceId) ?? null;
  const pusher = openPusher({ fetch: options.fetch ?? fetch, speed, addressOf, headersFor });
  const seed = randomUUID().slice(0, 8);
  const { cdrLateMs = 0, returnsTags = false, setTimer = realTimer } = options;
  const calls = openCalls({ speed, cdrLateMs, returnsTags, seed, now, setTimer, tell: pusher.tell });
  const operations = openOperations({
    calls,
    now,
    origin: () => origin,
    newId: randomUUID,
    scriptFor: (tags, customer) => scripts.get(tags) ?? scripts.get(customer) ?? nextScripts.shift() ?? {},
  });
  const door = openDoor({ accounts: new Map(Object.entries(options.accounts ?? {})), now });
  const count = (name: string) => {
    requests[name] = (requests[name] ?? 0) + 1;
  };

  async function answer(request: IncomingMessage): Promise<Result> {
    const admitted = door.admit(request, await read(request));
    if ("refusal" in admitted) {
      count("refused");
      return operations.refuse(admitted.refusal, admitted.status, admitted.status);
    }
    const { action, query, instances } = admitted;
    count(action);
    const fault = faults.get(action)?.shift();
    if (fault === "lost") return "lost";
    if (fault === "garbage") return { status: 200, body: "<html>busy</html>" };
    if (fault === "throttled") return operations.refuse("Throttling.User", 400, 400);
    if (fault === "unavailable") return operations.refuse("ServiceUnavailable", 503, 503);
    const operation = operations.named(action);
    if (!operation) return operations.refuse("InvalidAction.NotFound", 404, 404);
    const instanceId = query.InstanceId ?? "";
    return instances.includes(instanceId)
      ? operation(instanceId, query)
      : operations.refuse("NotExists.InstanceId", 404, 404);
  }

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://far.side");
    if (request.method === "GET" && pathname.startsWith("/recordings/")) {
      return void response.writeHead(200, { "content-type": "audio/wav" }).end(recordingWav());
    }
    // A connection that breaks off is nobody's error here: the far side just goes on.
    answer(request).then(
      (result) => write(response, result),
      () => response.socket?.destroy(),
    );
  });
  origin = `http://${host}:${await listen(server, options.port ?? 0, host)}`;

  let stopping: Promise<void> | null = null;
  return {
    url: origin,
    stop() {
      stopping ??= new Promise((resolve) => {
        calls.stop();
        pusher.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return stopping;
    },
    script(target, script) {
      if (target === "next") nextScripts.push(script);
      else scripts.set(target.replace(/^\+86/, ""), script);
    },
    subscribe: (instanceId, url) => void subscriptions.set(instanceId, url),
    failNext: (action, fault) => void faults.set(action, [...(faults.get(action) ?? []), fault]),
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

const realTimer: SetTimer = (ms, act) => {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
};

function write(response: ServerResponse, result: Result): void {
  if (result === "lost") response.socket?.destroy();
  else if (result !== "never") {
    response.writeHead(result.status, { "content-type": "application/json;charset=utf-8" }).end(result.body);
  }
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

const bodyBytesMax = 64 * 1024;

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bodyBytesMax) throw new Error("a request's body is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
