/** The service with webhooks allowed to reach this machine, and endpoints on real ports that keep what they get. */
import { randomBytes } from "node:crypto";
import type { Server } from "bun";
import { sql } from "drizzle-orm";
import { startFakeProvider } from "../../channels/fake/fake.ts";
import { createSeal } from "../../db/seal.ts";
import { rows } from "../../db/sql.ts";
import { makeKey } from "../../src/auth/keys.ts";
import { scopes } from "../../src/auth/principal.ts";
import { makeTenant } from "../../src/auth/tenants.ts";
import type { Context } from "../../src/context.ts";
import { readNetwork } from "../../src/guard/addresses.ts";
import { createLog } from "../../src/log.ts";
import { appendOutbox, type Message, type Topic } from "../../src/outbox/append.ts";
import { createService, type ServiceOptions } from "../../src/service.ts";
import { findNoCanary, outputsOf } from "../canary.ts";
import { openTestDatabase, type TestDatabase } from "../database.ts";
import { type Answer, type AskOptions, type Json, type ShiftedClock, shiftedClock } from "../service.ts";

export const startTimeoutMs = 180_000;
export const loopback = [readNetwork("127.0.0.0/8")];

/** What an endpoint was sent. */
export interface Received {
  headers: Record<string, string>;
  text: string;
  body: Json;
}

export interface Endpoint {
  url: string;
  received: Received[];
  /** Requests that it has not answered yet. */
  open(): number;
  /** How it answers; may be changed at any time. */
  answer: (received: Received) => Response | Promise<Response>;
  stop(): Promise<void>;
}

export function startEndpoint(answer: Endpoint["answer"] = () => new Response("ok")): Endpoint {
  let open = 0;
  const endpoint: Endpoint = { url: "", received: [], open: () => open, answer, stop: () => server.stop(true) };
  const server: Server<undefined> = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 120,
    async fetch(request) {
      const text = await request.text();
      const received = { headers: Object.fromEntries(request.headers), text, body: JSON.parse(text) };
      endpoint.received.push(received);
      open += 1;
      try {
        return await endpoint.answer(received);
      } finally {
        open -= 1;
      }
    },
  });
  endpoint.url = `http://127.0.0.1:${server.port}/hook`;
  return endpoint;
}

export interface Bench {
  ctx: Context;
  clock: ShiftedClock;
  database: TestDatabase;
  logged: string[];
  /** Full numbers and secrets that must stand nowhere. */
  secrets: string[];
  /** Writes happenings of calls into the outbox, each batch in a transaction. */
  happen(messages: readonly Message[]): Promise<void>;
  /** Looks for numbers and secrets in all that was written and sent, then closes. */
  close(endpoints?: readonly Endpoint[]): Promise<void>;
}

/** The database and the context alone: the notifier is then run by hand, step by step. */
export async function startBench(): Promise<Bench> {
  const database = await openTestDatabase();
  const clock = shiftedClock();
  const logged: string[] = [];
  const ctx: Context = {
    db: database.db,
    seal: createSeal(randomBytes(32)),
    clock,
    log: createLog("trace", (line) => logged.push(line)),
    randomBytes,
  };
  await makeTenant(ctx, "one", "One");
  await makeTenant(ctx, "two", "Two");
  const secrets: string[] = [];
  return {
    ctx,
    clock,
    database,
    logged,
    secrets,
    async happen(messages) {
      await ctx.db.tx((q) => appendOutbox(ctx, q, messages));
      // The feed shows what is below every transaction of the server, other databases' too.
      await eventually(async () => {
        const young = sql`select 1 from outbox where xid >= pg_snapshot_xmin(pg_current_snapshot()) limit 1`;
        return rows(await ctx.db.run((q) => q.execute(young))).length === 0;
      });
    },
    async close(endpoints = []) {
      const dump = await database.dump();
      await database.close();
      findNoCanary({ texts: { log: logged.join("\n"), database: dump, webhooks: sentTo(endpoints) }, secrets });
    },
  };
}

export const message = (callId: string, version: number, topic: Topic = "call.updated", tenant = "one"): Message => ({
  tenant,
  callId,
  version,
  topic,
  payload: { callId, version, status: "calling" },
});

export interface HookedService {
  url: string;
  key: string;
  ctx: Context;
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  tenant(id: string): Promise<string>;
  /** A simulated line; its calls make news. */
  line(): Promise<number>;
  /** Full numbers and secrets that must stand nowhere. */
  secrets: string[];
  /** Everything that streams told, as it came. */
  heard: string[];
  stop(endpoints?: readonly Endpoint[]): Promise<void>;
}

/** The whole service, running by itself. */
export async function startHookedService(options: Pick<ServiceOptions, "loadChannel"> = {}): Promise<HookedService> {
  const database = await openTestDatabase();
  const clock = shiftedClock();
  const logged: string[] = [];
  const key = `hk_${randomBytes(20).toString("hex")}`;
  const keys: [string, ...string[]] = [key];
  const secrets = [key];
  const heard: string[] = [];
  const log = createLog("trace", (line) => logged.push(line));
  const ctx: Context = { db: database.db, seal: createSeal(randomBytes(32)), clock, log, randomBytes };
  const service = createService({
    ...ctx,
    host: "127.0.0.1",
    port: 0,
    publicUrl: null,
    adminKey: key,
    tickMs: 25,
    demo: false,
    allowNetworks: loopback,
    ...options,
  });
  const { url } = await service.start();
  const far = await startFakeProvider({ now: () => clock.now().getTime(), pushRetryMs: 20 });
  const ask: HookedService["ask"] = async (method, path, given = {}) => {
    const bearer = given.key === undefined ? key : given.key;
    const headers: Record<string, string> = { "content-type": "application/json", ...given.headers };
    if (bearer !== null) headers.authorization = `Bearer ${bearer}`;
    const body = given.body === undefined ? {} : { body: JSON.stringify(given.body) };
    const response = await fetch(url + path, { method, headers, ...body });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null };
  };
  return {
    url,
    key,
    ctx,
    ask,
    secrets,
    heard,
    async tenant(id) {
      await makeTenant(ctx, id, id);
      const made = await makeKey(ctx, id, { name: "all", scopes });
      secrets.push(made.key);
      keys.push(made.key);
      return made.key;
    },
    async line() {
      const accountId = `acc-${randomBytes(4).toString("hex")}`;
      const secret = randomBytes(16).toString("hex");
      secrets.push(secret);
      far.addAccount(accountId, secret);
      const providerConfig = { baseUrl: far.url, accountId, secret, speed: 20 };
      const made = await ask("POST", "/api/v1/calls/lines", {
        body: { name: "Hooked", providerType: "fake", providerConfig },
      });
      return made.body.id;
    },
    async stop(endpoints = []) {
      await far.stop();
      const told = await outputsOf(ask, keys).finally(() => service.stop());
      const dump = await database.dump();
      await database.close();
      const written = { log: logged.join("\n"), database: dump };
      const texts = { ...written, ...told, webhooks: sentTo(endpoints), streams: heard.join("\n") };
      findNoCanary({ texts, secrets });
    },
  };
}

function sentTo(endpoints: readonly Endpoint[]): string {
  const sent = endpoints.flatMap(({ received }) => received.map(({ text, headers }) => text + JSON.stringify(headers)));
  return sent.join("\n");
}

/** Asks until it holds; what never comes fails by the test's own time limit. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await Bun.sleep(10);
}
