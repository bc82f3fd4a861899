/** The far side of described providers: one protocol on a socket, spoken in one of five dialects. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type FarCall, openCalls, type SetTimer } from "./far/calls.ts";
import type { Dialect } from "./far/dialect.ts";
import { familyDialect } from "./far/family.ts";
import { formDialect } from "./far/form.ts";
import { hollycrmDialect } from "./far/hollycrm.ts";
import { jsonDialect } from "./far/json.ts";
import { malformed, type Operation, openOperations, type Result, unauthorized } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";
import { recordingMp3 } from "./far/recording.ts";
import { xmlDialect } from "./far/xml.ts";

export type { Script } from "./far/plan.ts";

const dialects = {
  json: jsonDialect,
  form: () => formDialect,
  xml: () => xmlDialect,
  family: () => familyDialect,
  hollycrm: hollycrmDialect,
};
export type DialectName = keyof typeof dialects;

export interface CustomProviderOptions {
  dialect: DialectName;
  /** Account → what signs its requests, and what proves pushes to it. */
  accounts: Record<string, { secret: string; pushSecret: string }>;
  /** 0, the default, takes any free one. */
  port?: number;
  /** 100 makes a call a hundred times as fast. */
  speed?: number;
  now?: () => number;
  setTimer?: SetTimer;
}

export interface CustomProvider {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  /** For every call to this customer number, or with this user data. */
  script(target: string, script: Script): void;
  readonly calls: readonly FarCall[];
  /** How often the legs of the calls to this customer rang. */
  ringsOf(customer: string): { a: number; b: number };
  /** Requests by operation; `unauthorized` counts those that proved nothing. */
  readonly requests: Readonly<Record<string, number>>;
  readonly pushesLost: number;
}

const bodyBytesMax = 64 * 1024;
const nationalOf = (number: string): string => number.replace(/^\+?86(?=\d{10})/, "");

export async function startCustomProvider(options: CustomProviderOptions): Promise<CustomProvider> {
  const now = options.now ?? Date.now;
  const speed = options.speed ?? 1;
  const dialect = dialects[options.dialect]();
  const scripts = new Map<string, Script>();
  const requests: Record<string, number> = {};
  let port = 0;
  const origin = () => `http://127.0.0.1:${port}`;
  const pushSecretOf = (account: string): string => options.accounts[account]?.pushSecret ?? "";
  const pusher = openPusher({ dialect, fetch, now, speed, origin, pushSecretOf });
  const seed = randomUUID().slice(0, 8);
  const calls = openCalls({ speed, seed, now, setTimer: options.setTimer ?? realTimer, tell: pusher.tell });
  const operations = openOperations({
    calls,
    origin,
    scriptFor: (customer, data) => scripts.get(data) ?? scripts.get(nationalOf(customer)) ?? {},
  });
  const secretOf = (account: string): string | undefined => options.accounts[account]?.secret;
  const serve = serving({
    dialect,
    operations,
    requests,
    secretOf,
    now,
    recorded: (id) => isRecorded(calls.all(), id),
  });
  const server = createServer((request, response) => {
    // A connection that breaks off is nobody's error here: the far side just goes on.
    serve(request, response).catch(() => response.socket?.destroy());
  });
  port = await listen(server, options.port ?? 0);

  let stopping: Promise<void> | null = null;
  return {
    url: origin(),
    stop() {
      stopping ??= new Promise((resolve) => {
        calls.stop();
        pusher.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return stopping;
    },
    script: (target, script) => void scripts.set(nationalOf(target), script),
    get calls() {
      return calls.all();
    },
    ringsOf(customer) {
      const rings = calls.all().filter(({ order }) => nationalOf(order.to) === nationalOf(customer));
      const sum = (leg: "a" | "b") => rings.reduce((total, one) => total + one.rings[leg], 0);
      return { a: sum("a"), b: sum("b") };
    },
    requests,
    get pushesLost() {
      return pusher.lost();
    },
  };
}

interface Serving {
  dialect: Dialect;
  operations: Record<string, Operation>;
  requests: Record<string, number>;
  secretOf(account: string): string | undefined;
  recorded(id: string): boolean;
  now(): number;
}

function serving({ dialect, operations, requests, secretOf, recorded, now }: Serving) {
  const count = (name: string) => {
    requests[name] = (requests[name] ?? 0) + 1;
  };
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://far.side");
    const body = await read(request);
    const [, sound] = /^\/recordings\/([\w-]+)\.mp3$/.exec(url.pathname) ?? [];
    if (sound !== undefined) return sendSound(response, recorded(sound));
    const [, usual = ""] = /^\/v1\/(\w+)$/.exec(url.pathname) ?? [];
    const name = dialect.nameOf ? (dialect.nameOf(url) ?? "") : usual;
    const asked = { method: request.method ?? "", url, headers: request.headers, body: body ?? Buffer.alloc(0) };
    const early = dialect.before?.(asked, secretOf, now()) ?? null;
    if (early !== null) return void response.writeHead(200, { "content-type": early.contentType }).end(early.body);
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
    if (operation === undefined || body === null) {
      return void response.writeHead(404, { "content-type": "text/html" }).end("<html>not found");
    }
    const fields = dialect.read(asked);
    const account = fields === null ? null : dialect.admit(asked, fields, secretOf, now());
    count(fields !== null && account === null ? "unauthorized" : name);
    const result = fields === null ? malformed : account === null ? unauthorized : operation(account, fields);
    if (result === "lost") response.socket?.destroy();
    else send(response, dialect, result);
  };
}

function send(response: ServerResponse, dialect: Dialect, { code, status, call }: Result): void {
  const { contentType, body } = dialect.write({ code }, call);
  response.writeHead(status, { "content-type": contentType }).end(body);
}

function sendSound(response: ServerResponse, there: boolean): void {
  if (there) response.writeHead(200, { "content-type": "audio/mpeg" }).end(recordingMp3());
  else response.writeHead(404, { "content-type": "text/html" }).end("<html>no such recording");
}

function isRecorded(calls: readonly FarCall[], id: string): boolean {
  return calls.some((call) => call.id === id && call.order.record && call.times.hangup !== undefined);
}

/** The port it listens on. */
async function listen(server: Server, wanted: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, "127.0.0.1", resolve);
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
