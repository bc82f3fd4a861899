/** Joins everything: the only place, beside the demo, where providers, edges and duties meet. */

import type { ChannelDefinition } from "../channels/contract.ts";
import type { FakeProvider } from "../channels/fake/fake.ts";
import { channelNames, loadChannel } from "../channels/registry.ts";
import { createAuthenticator } from "./auth/authenticate.ts";
import { ensureKey } from "./auth/keys.ts";
import { ensureTenant, provesKey } from "./auth/tenants.ts";
import type { CallContext } from "./calls/context.ts";
import { expire, finalize } from "./calls/expire.ts";
import { createStatusReader } from "./calls/status.ts";
import type { Context } from "./context.ts";
import { runDemo } from "./demo.ts";
import { createApp } from "./http/app.ts";
import { callRoutes } from "./http/calls.ts";
import { healthRoutes } from "./http/health.ts";
import { createRefusalLog, webhookRoutes } from "./http/webhooks.ts";
import { createAccept } from "./inbox/accept.ts";
import { createDirectory } from "./lines/directory.ts";
import { askProviders, takeUpOrphans } from "./loops/ask.ts";
import { followDatabaseClock } from "./loops/clock.ts";
import { createDrainDuty, retryParked } from "./loops/drain.ts";
import { readFeeds } from "./loops/feed.ts";
import { createLoop, type Loop, type LoopOptions } from "./loops/loop.ts";
import { maintain } from "./loops/maintain.ts";

/** The tenant that a first start makes. */
export const firstTenant = "default";

export interface ServiceOptions extends Context {
  host: string;
  port: number;
  /** What providers reach us at; null = the address that we listen on. */
  publicUrl: string | null;
  adminKey: string;
  /** Kinds of channels beyond the registry's; tests bring their own. */
  loadChannel?: (name: string) => Promise<ChannelDefinition | null>;
  fetch?: (request: Request) => Promise<Response>;
  /** How often the duties look for work when nothing wakes them. */
  tickMs?: number;
  /** False leaves out the demo lines of a first start. */
  demo?: boolean;
}

export interface Service {
  /** Resolves when requests are answered. */
  start(): Promise<{ url: string; port: number }>;
  /** Answers no more, awaits placements and commits under way. May be called twice. */
  stop(): Promise<void>;
  /** For tests: the verbs' context. */
  calls: CallContext;
}

const requestIdleSeconds = 60;
/** Routes refuse far smaller ones with a problem document; this is the last wall. */
const bodyBytesMax = 64 * 1024 * 1024;

export function createService(options: ServiceOptions): Service {
  const { db, seal, clock, log, randomBytes } = options;
  const load = options.loadChannel ?? loadChannel;
  const directory = createDirectory(options, {
    loadChannel: load,
    fetch: options.fetch ?? ((request) => fetch(request)),
  });
  let localUrl = "";
  let ready = false;
  let far: FakeProvider | null = null;
  const publicUrl = (): string => options.publicUrl ?? localUrl;
  const calls: CallContext = {
    db,
    seal,
    clock,
    log,
    randomBytes,
    directory,
    underway: new Set(),
    // A simulated line's far side is on this machine; a real provider reaches us from outside.
    notifyUrl: (line) =>
      `${line.definition.simulated ? localUrl : publicUrl()}/api/v1/calls/webhook/${line.channel}/${line.webhookToken}`,
    told: (changes) => reader.told(changes),
    wakeDrain: () => drain.wake(),
  };
  const reader = createStatusReader(calls);
  const accept = createAccept(options, calls.wakeDrain);
  const refusals = createRefusalLog(clock);
  const draining = createDrainDuty(calls);
  const tickMs = options.tickMs ?? 250;
  const duty = (name: string, everyMs: number, runOnce: LoopOptions["runOnce"]): Loop =>
    createLoop({ name, clock, log, everyMs, runOnce });
  const drain = duty("drain", tickMs, () => draining.runOnce());
  const background: Loop[] = [
    drain,
    duty("ask", tickMs, () => askProviders(calls, accept)),
    duty("feed", tickMs, () => readFeeds(calls)),
    duty("orphans", 4 * tickMs, () => takeUpOrphans(calls)),
    duty("expire", 4 * tickMs, async () => (await expire(calls)) > 0),
    duty("finalize", 20 * tickMs, async () => (await finalize(calls)) > 0),
    duty("parked", 2 * tickMs, () => retryParked(calls)),
    duty("clock", 60_000, async () => {
      await followDatabaseClock(options);
      return false;
    }),
    duty("maintain", 3_600_000, async () => {
      await maintain(calls);
      return false;
    }),
  ];
  const app = createApp({
    ctx: options,
    directory,
    loadChannel: load,
    listChannels: async () => (await Promise.all(channelNames.map(load))).filter((one) => one !== null),
    authenticator: createAuthenticator(options),
    publicUrl,
    register: [
      (routes) => callRoutes(routes, calls, reader),
      (routes) => webhookRoutes(routes, calls, accept, refusals),
      (routes) => healthRoutes(routes, { calls, counts: draining.counts, refusals, ready: () => ready }),
    ],
  });
  let server: ReturnType<typeof Bun.serve> | null = null;
  let stopping: Promise<void> | null = null;

  async function start(): Promise<{ url: string; port: number }> {
    await provesKey(options);
    await ensureTenant(options, firstTenant, "默认 · Default");
    await ensureKey(options, firstTenant, options.adminKey, "首把密钥 · First key");
    await followDatabaseClock(options);
    await maintain(calls);
    server = Bun.serve({
      hostname: options.host,
      port: options.port,
      idleTimeout: requestIdleSeconds,
      maxRequestBodySize: bodyBytesMax,
      fetch: (request, handle) => app.fetch(request, { address: handle.requestIP(request)?.address ?? "" }),
    });
    const port = server.port ?? options.port;
    localUrl = `http://${options.host === "0.0.0.0" ? "localhost" : options.host}:${port}`;
    if (options.demo !== false) far = await runDemo(options, { directory, loadChannel: load, publicUrl }, firstTenant);
    for (const loop of background) loop.start();
    ready = true;
    log.info({ port, kind: db.kind }, "ready");
    return { url: localUrl, port };
  }

  async function stopAll(): Promise<void> {
    ready = false;
    // Placements first: one that is aborted leaves a call that nobody knows the outcome of.
    await Promise.allSettled(calls.underway);
    reader.release();
    await server?.stop();
    await Promise.all(background.map((loop) => loop.stop()));
    await Promise.allSettled(calls.underway);
    await accept.stop();
    await far?.stop();
    await directory.close();
    log.info({}, "stopped");
  }

  return {
    calls,
    start,
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}
