/** The real app on a real port with a real database, and two tenants who must never meet. */
import { randomBytes } from "node:crypto";
import type { ChannelDefinition } from "../../channels/contract.ts";
import * as registry from "../../channels/registry.ts";
import { createSeal } from "../../db/seal.ts";
import { createAuthenticator } from "../../src/auth/authenticate.ts";
import { makeKey } from "../../src/auth/keys.ts";
import { type Scope, scopes } from "../../src/auth/principal.ts";
import { createSettingsBook } from "../../src/auth/settings.ts";
import { makeTenant } from "../../src/auth/tenants.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import type { Context } from "../../src/context.ts";
import { type AppDeps, createApp } from "../../src/http/app.ts";
import type { App } from "../../src/http/route.ts";
import { createDirectory } from "../../src/lines/directory.ts";
import { createLog } from "../../src/log.ts";
import { openTestDatabase, type TestDatabase } from "../database.ts";
import { trial } from "./trial.ts";

/** PGlite takes seconds to start, a container longer. */
export const startTimeoutMs = 180_000;

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely; what is not there reads undefined
  body: any;
}

export interface TestApp {
  app: App;
  ctx: Context;
  deps: AppDeps;
  database: TestDatabase;
  url: string;
  /** Every key has its tenant and its scopes in its name. */
  keys: { all: string; other: string } & Record<Scope, string>;
  logged: string[];
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  stop(): Promise<void>;
}
export interface AskOptions {
  key?: string | null;
  body?: unknown;
  raw?: string | ReadableStream<Uint8Array>;
  headers?: Record<string, string>;
}

export async function startApp(options: { clock?: Clock; register?: ((app: App) => void)[] } = {}): Promise<TestApp> {
  const database = await openTestDatabase();
  const logged: string[] = [];
  const ctx: Context = {
    db: database.db,
    seal: createSeal(randomBytes(32)),
    clock: options.clock ?? systemClock(),
    log: createLog("trace", (line) => logged.push(line)),
    randomBytes,
  };
  const loadChannel = async (name: string): Promise<ChannelDefinition | null> =>
    name === "trial" ? trial : registry.loadChannel(name);
  const directory = createDirectory(ctx, { loadChannel, fetch: async () => Response.error() });
  let url = "";
  const deps: AppDeps = {
    ctx,
    directory,
    settings: createSettingsBook(ctx),
    authenticator: createAuthenticator(ctx),
    loadChannel,
    listChannels: async () => [trial],
    publicUrl: () => url,
    register: options.register ?? [],
  };
  const app = createApp(deps);
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
  url = `http://127.0.0.1:${server.port}`;
  const keys = await makeKeys(ctx);
  return {
    app,
    ctx,
    deps,
    database,
    url,
    keys,
    logged,
    ask: (method, path, given = {}) => ask(url, method, path, { key: keys.all, ...given }),
    async stop() {
      await server.stop(true);
      await directory.close();
      await database.close();
    },
  };
}

async function makeKeys(ctx: Context): Promise<TestApp["keys"]> {
  await makeTenant(ctx, "one", "One");
  await makeTenant(ctx, "two", "Two");
  const make = async (tenant: string, name: string, granted: readonly Scope[]): Promise<string> =>
    (await makeKey(ctx, tenant, { name, scopes: granted })).key;
  const all = await make("one", "all", scopes);
  const other = await make("two", "other", scopes);
  const [call, read, manage, ops] = [
    await make("one", "call", ["call"]),
    await make("one", "read", ["read"]),
    await make("one", "manage", ["manage"]),
    await make("one", "ops", ["ops"]),
  ];
  return { all, other, call, read, manage, ops };
}

async function ask(url: string, method: string, path: string, options: AskOptions): Promise<Answer> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.key) headers.authorization = `Bearer ${options.key}`;
  const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  if (body !== undefined) headers["content-type"] ??= "application/json";
  const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null };
}
