/** The service as in production, made by the same function, on a real port with a real database and real far sides. */
import { randomBytes } from "node:crypto";
import type { ChannelDefinition } from "../channels/contract.ts";
import { type FakeProvider, startFakeProvider } from "../channels/fake/fake.ts";
import { loadChannel } from "../channels/registry.ts";
import { createSeal } from "../db/seal.ts";
import { makeKey } from "../src/auth/keys.ts";
import { scopes } from "../src/auth/principal.ts";
import { makeTenant } from "../src/auth/tenants.ts";
import { type Clock, systemClock } from "../src/clock.ts";
import { type Network, readNetwork } from "../src/guard/addresses.ts";
import { createLog } from "../src/log.ts";
import { createService, type Service } from "../src/service.ts";
import { findNoCanary, outputsOf } from "./canary.ts";
import { openTestDatabase, type TestDatabase } from "./database.ts";

/** PGlite takes seconds to start, a container longer. */
export const startTimeoutMs = 180_000;
const speed = 20;
/** Where far sides run. */
export const loopback = [readNetwork("127.0.0.1")];

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely; what is not there reads undefined
export type Json = any;

export interface Answer {
  status: number;
  headers: Headers;
  body: Json;
  text: string;
}

export interface AskOptions {
  /** Null asks without a key. */
  key?: string | null;
  body?: unknown;
  /** Sent as it is instead of `body`. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
}

export interface TestService {
  service: Service;
  database: TestDatabase;
  url: string;
  /** All scopes, tenant `default`. */
  key: string;
  clock: ShiftedClock;
  far: FakeProvider;
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** A fake line of its own account; returns the line's id. `config` overrides the fake's. */
  line(name: string, config?: Record<string, unknown>, key?: string): Promise<number>;
  /** Dials, expecting a call: the answer with its `callId`. */
  dial(body: Record<string, unknown>, headers?: Record<string, string>): Promise<Answer>;
  /** Follows a call by long-poll until its status view satisfies; the whole record then. */
  until(callId: string, satisfied: (status: Json) => boolean, key?: string): Promise<Json>;
  ended(callId: string, key?: string): Promise<Json>;
  tenant(id: string): Promise<string>;
  /** Things that must not be found in any log, answer or column. */
  secrets: string[];
  logged: string[];
  /** Everything that streams told, as it came. */
  heard: string[];
  /** Stops, then looks for numbers and secrets in all that was written and told. */
  stop(): Promise<void>;
}

/** The real clock, which a test can put forward; everything due by then becomes due at once. */
export type ShiftedClock = Clock & { advance(ms: number): void };

export function shiftedClock(): ShiftedClock {
  const real = systemClock();
  let shiftMs = 0;
  return {
    now: () => new Date(real.now().getTime() + shiftMs),
    sleep: real.sleep,
    correct: () => {},
    advance(ms) {
      shiftMs += ms;
    },
  };
}

export interface StartOptions {
  loadChannel?: (name: string) => Promise<ChannelDefinition | null>;
  demo?: boolean;
  tickMs?: number;
  /** The real time, put forward, unless given. */
  clock?: ShiftedClock;
  /** What lines and webhooks may reach beside public addresses: this machine, where far sides run, unless given. */
  allowNetworks?: readonly Network[];
  trustedProxies?: readonly Network[];
}

export async function startTestService(options: StartOptions = {}): Promise<TestService> {
  const database = await openTestDatabase();
  const clock = options.clock ?? shiftedClock();
  const logged: string[] = [];
  const refused: string[] = [];
  const heard: string[] = [];
  const key = `hk_${randomBytes(20).toString("hex")}`;
  const keys: [string, ...string[]] = [key];
  const secrets = [key];
  const ctx = {
    db: database.db,
    seal: createSeal(randomBytes(32)),
    clock,
    log: createLog("trace", (line) => logged.push(line)),
    randomBytes,
  };
  const service = createService({
    ...ctx,
    host: "127.0.0.1",
    port: 0,
    publicUrl: null,
    adminKey: key,
    tickMs: options.tickMs ?? 25,
    demo: options.demo ?? false,
    loadChannel: options.loadChannel ?? loadChannel,
    allowNetworks: options.allowNetworks ?? loopback,
    trustedProxies: options.trustedProxies ?? [],
  });
  const { url } = await service.start();
  const far = await startFakeProvider({ now: () => clock.now().getTime(), pushRetryMs: 20 });

  async function ask(method: string, path: string, given: AskOptions = {}): Promise<Answer> {
    const answer = await send(url + path, method, { key, ...given });
    if (answer.status >= 400) refused.push(answer.text);
    return answer;
  }

  const test: TestService = {
    service,
    database,
    url,
    key,
    clock,
    far,
    secrets,
    logged,
    heard,
    ask,
    async line(name, config = {}, lineKey = key) {
      const accountId = `acc-${randomBytes(4).toString("hex")}`;
      const secret = randomBytes(16).toString("hex");
      secrets.push(secret);
      far.addAccount(accountId, secret);
      const providerConfig = { baseUrl: far.url, accountId, secret, speed, ...config };
      const made = await ask("POST", "/api/v1/calls/lines", {
        key: lineKey,
        body: { name, providerType: "fake", providerConfig },
      });
      if (made.status !== 201) throw new Error(`line not made: ${made.text}`);
      return made.body.id;
    },
    dial: (body, headers = {}) => ask("POST", "/api/v1/calls/dial", { body, headers }),
    async until(callId, satisfied, key = test.key) {
      for (let version = 0, rounds = 0; rounds < 60; rounds++) {
        const { body } = await ask("GET", `/api/v1/calls/${callId}/status?wait=2&version=${version}`, { key });
        if (satisfied(body)) return (await ask("GET", `/api/v1/calls/${callId}`, { key })).body;
        version = body.version;
      }
      const record = await ask("GET", `/api/v1/calls/${callId}`, { key });
      throw new Error(`the call never came to that: ${record.text}`);
    },
    ended: (callId, key) => test.until(callId, (status) => status.status === "ended", key),
    async tenant(id) {
      await makeTenant(ctx, id, id);
      const made = await makeKey(ctx, id, { name: "all", scopes });
      secrets.push(made.key);
      keys.push(made.key);
      return made.key;
    },
    async stop() {
      await far.stop();
      const told = await outputsOf(ask, keys).finally(() => service.stop());
      const dump = await database.dump();
      await database.close();
      if (logged.length === 0) throw new Error("the log is empty: there was nothing to look at");
      const written = { log: logged.join("\n"), "error bodies": refused.join("\n"), database: dump };
      findNoCanary({ texts: { ...written, ...told, streams: heard.join("\n") }, secrets });
    },
  };
  return test;
}

async function send(url: string, method: string, options: AskOptions): Promise<Answer> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.key) headers.authorization = `Bearer ${options.key}`;
  const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  if (body !== undefined) headers["content-type"] ??= "application/json";
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null };
}

let nextNumber = 0;

/** A customer's number of its own, ending in the digit that the far side obeys. */
export function customer(lastDigit: number): string {
  nextNumber += 1;
  return `139${String(nextNumber).padStart(7, "0")}${lastDigit}`;
}
