/** The far side of the `tianrun` channel: Clink and CTI-Cloud on one socket, with pushes, records and recordings. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { FarCall } from "./far/call.ts";
import { openCalls, type SetTimer } from "./far/calls.ts";
import { openClinkOperations, type Written } from "./far/clink.ts";
import { openCticloudOperations, unknownEnterprise } from "./far/cticloud.ts";
import { openDoor } from "./far/door.ts";
import type { Script } from "./far/plan.ts";
import { openPusher, type PushSetup } from "./far/push.ts";
import { recordingMp3 } from "./far/recording.ts";

export interface TianrunProviderOptions {
  port?: number;
  host?: string;
  /** Access key id → secret. */
  keys?: Record<string, string>;
  /** Enterprise id → token. */
  enterprises?: Record<string, string>;
  now?: () => number;
  /** What plays the calls and the repetitions; real time unless given. */
  setTimer?: SetTimer;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  speed?: number;
  push?: Partial<PushSetup>;
  /** Requests are expected under this prefix, and with a slash behind their path. */
  clinkPaths?: { prefix: string; trailingSlash: boolean };
}

export interface TianrunProvider {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  /** For every call to this customer number. */
  script(customer: string, script: Script): void;
  /** Where pushes of calls go that name no address of their own. */
  pushTo(url: string): void;
  /** Accepted calls, oldest first. */
  readonly calls: readonly FarCall[];
  ringsOf(customer: string): { a: number; b: number };
  /** Requests by operation; `unauthorized` counts those that proved nothing. */
  readonly requests: Readonly<Record<string, number>>;
  readonly pushesLost: number;
}

const bodyBytesMax = 64 * 1024;
const cticloudPath = "/interface/v10";
const plain = (customer: string) => customer.replace(/^\+86/, "");

export async function startTianrunProvider(options: TianrunProviderOptions = {}): Promise<TianrunProvider> {
  const now = options.now ?? Date.now;
  const speed = options.speed ?? 1;
  const setTimer = options.setTimer ?? realTimer;
  const scripts = new Map<string, Script>();
  const requests: Record<string, number> = {};
  const setup: PushSetup = { url: null, format: "form", names: {}, enterpriseId: "7000001", ...options.push };
  const pusher = openPusher({ fetch: options.fetch ?? fetch, setTimer, speed, setup });
  const calls = openCalls({ speed, now, setTimer, tell: pusher.tell });
  const keys = new Map(Object.entries(options.keys ?? {}));
  const enterprises = new Map(Object.entries(options.enterprises ?? {}));
  const door = openDoor({ keys, enterprises, now });
  let origin = "";
  const scriptOf = (customer: string) => scripts.get(customer) ?? {};
  const operations = { calls, origin: () => origin, scriptOf };
  const clink = openClinkOperations(operations);
  const cticloud = openCticloudOperations(operations);
  const { prefix, trailingSlash } = options.clinkPaths ?? { prefix: "/cc/", trailingSlash: false };
  const count = (name: string) => {
    requests[name] = (requests[name] ?? 0) + 1;
  };

  function answer(request: IncomingMessage, body: Buffer): Written {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://far.side");
    if (pathname.startsWith(cticloudPath)) {
      const path = pathname.slice(cticloudPath.length);
      count(path.slice(1));
      const form = new URLSearchParams(body.toString());
      const account = door.cticloud(form);
      if (account === null) count("unauthorized");
      return account === null ? unknownEnterprise : cticloud(account, path, form);
    }
    const path = trailingSlash ? pathname.replace(/\/$/, "") : pathname;
    const isPath = path.startsWith(prefix) && (!trailingSlash || path !== pathname);
    if (!isPath) return { status: 404, body: "" };
    const name = path.slice(prefix.length);
    count(name);
    const admitted = door.clink(request.method ?? "", String(request.headers.host), path, searchParams);
    if ("refusal" in admitted) {
      count("unauthorized");
      return { status: 401, body: { requestId: "f8b1", error: { code: admitted.refusal, message: "no" } } };
    }
    return clink(admitted.account, name, searchParams, fieldsOf(body));
  }

  const server = createServer((request, response) => {
    // A connection that breaks off is nobody's error here: the far side just goes on.
    read(request)
      .then((body) => {
        const isSound = request.url?.startsWith("/sound/") === true;
        if (isSound) response.writeHead(200, { "content-type": "audio/mpeg" }).end(recordingMp3());
        else write(response, body === null ? { status: 413, body: "" } : answer(request, body));
      })
      .catch(() => response.socket?.destroy());
  });
  origin = await listen(server, options.port ?? 0, options.host ?? "127.0.0.1");
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
    script: (customer, script) => void scripts.set(plain(customer), script),
    pushTo(url) {
      setup.url = url;
    },
    get calls() {
      return calls.all();
    },
    ringsOf: (customer) => calls.ringsOf(plain(customer)),
    requests,
    get pushesLost() {
      return pusher.lost();
    },
  };
}

function fieldsOf(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function write(response: ServerResponse, written: Written): void {
  if (written === "lost") return void response.socket?.destroy();
  response.writeHead(written.status, { "content-type": "application/json;charset=UTF-8" });
  response.end(typeof written.body === "string" ? written.body : JSON.stringify(written.body));
}

async function listen(server: Server, port: number, host: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return `http://${host}:${typeof address === "object" && address !== null ? address.port : 0}`;
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
