/** The far side of the `qimoor` channel: 容联七陌 on a socket, with its rules, its payloads and scripted calls. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { FarCall } from "./far/call.ts";
import { openCalls, type SetTimer } from "./far/calls.ts";
import { type Account, openDoor } from "./far/door.ts";
import { openOperations, write } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";
import { recordingWav } from "./far/recording.ts";

export interface QimoorProviderOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  /** 100 makes a call a hundred times as fast. */
  speed?: number;
  /** Which of a call's times the list of records is cut by. */
  cutBy?: "start" | "end";
  /** Whether records say which request they are of. */
  recordsCarryActionId?: boolean;
  now?: () => number;
  /** What plays the calls; real time unless given. */
  setTimer?: SetTimer;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface QimoorProvider {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  addAccount(accountId: string, account: Account): void;
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

export async function startQimoorProvider(options: QimoorProviderOptions = {}): Promise<QimoorProvider> {
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
    addressOf: ({ account }) => accounts.get(account)?.notifyUrl ?? null,
    origin,
  });
  const calls = openCalls({
    speed: options.speed ?? 1,
    seed: randomUUID(),
    now,
    setTimer: options.setTimer ?? realTimer,
    ...pusher,
  });
  const operations = openOperations(calls, {
    origin,
    cutBy: options.cutBy ?? "start",
    recordsCarryActionId: options.recordsCarryActionId ?? false,
    scriptFor: (callRef, customer) => scripts.get(callRef) ?? scripts.get(customer) ?? nextScripts.shift() ?? {},
  });
  const isRecorded = (sheetId: string) => calls.all().some((call) => call.sheetId === sheetId && call.begin !== null);
  const serve = serving({ door: openDoor(accounts, now), operations, requests, isRecorded });
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
    addAccount: (accountId, account) => void accounts.set(accountId, account),
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
  isRecorded(sheetId: string): boolean;
}

function serving({ door, operations, requests, isRecorded }: Serving) {
  const count = (name: string) => {
    requests[name] = (requests[name] ?? 0) + 1;
  };
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://far.side");
    const body = await read(request);
    const [, recorded] = /^\/monitor\/([\w-]+)\.wav$/.exec(url.pathname) ?? [];
    if (recorded !== undefined && isRecorded(recorded)) {
      return void response.writeHead(200, { "content-type": "audio/wav" }).end(recordingWav());
    }
    const admitted = door.admit(request, url);
    if (admitted === null) return void response.writeHead(404, { "content-type": "text/html" }).end("<html>no");
    const { account, operation: path } = admitted;
    if (path === null) {
      count("unauthorized");
      return write(response, { status: 200, body: { code: 403, success: false, message: "no" } });
    }
    count(path.slice(path.lastIndexOf("/") + 1));
    const result = body === null ? refused : operations.named(path)?.({ account, body, response });
    if (result) write(response, result);
  };
}

const refused = { status: 200, body: { code: 400, success: false, message: "no" } };

/** The port it listens on. */
async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The fields of a JSON object of strings; null for anything else, or too much of it. */
async function read(request: IncomingMessage): Promise<Record<string, string> | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bodyBytesMax) return null;
    chunks.push(chunk);
  }
  try {
    const fields: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return null;
    const strings = Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === "string");
    return Object.fromEntries(strings);
  } catch {
    return null;
  }
}

const realTimer: SetTimer = (ms, act) => {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
};
