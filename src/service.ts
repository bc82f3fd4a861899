/** Joins everything: the only place, beside the demo, where providers, edges and duties meet. */

import type { ChannelDefinition } from "../channels/contract.ts";
import type { FakeProvider } from "../channels/fake/fake.ts";
import { channelNames, loadChannel } from "../channels/registry.ts";
import { createAuthenticator } from "./auth/authenticate.ts";
import { ensureKey } from "./auth/keys.ts";
import { createSettingsBook } from "./auth/settings.ts";
import { ensureTenant, provesKey } from "./auth/tenants.ts";
import { createBegin } from "./calls/begin.ts";
import { createRetryBudget } from "./calls/budget.ts";
import type { CallContext } from "./calls/context.ts";
import { expire, finalize } from "./calls/expire.ts";
import { createUsage } from "./calls/line-states.ts";
import { placeQueued } from "./calls/queue.ts";
import { createSettle } from "./calls/settle.ts";
import { createStatusReader } from "./calls/status.ts";
import type { Context } from "./context.ts";
import { runDemo } from "./demo.ts";
import type { Network } from "./guard/addresses.ts";
import { guardedFetch } from "./guard/fetch.ts";
import { createGuard } from "./guard/guard.ts";
import { createHealth } from "./health/health.ts";
import { createApp } from "./http/app.ts";
import { callRoutes } from "./http/calls.ts";
import { clientAddress } from "./http/client-address.ts";
import { createDirect } from "./http/direct.ts";
import { healthRoutes } from "./http/health.ts";
import { lineHealthRoutes } from "./http/line-health.ts";
import { metricsRoutes } from "./http/metrics.ts";
import { notificationRoutes } from "./http/notifications.ts";
import type { App } from "./http/route.ts";
import { streamRoutes } from "./http/streams.ts";
import { subscriptionRoutes } from "./http/subscriptions.ts";
import { ticketRoutes } from "./http/tickets.ts";
import { createReceive, createRefusalLog, webhookRoutes } from "./http/webhooks.ts";
import { createAccept } from "./inbox/accept.ts";
import { countAccepted } from "./inbox/count.ts";
import { createDirectory } from "./lines/directory.ts";
import { errorFields } from "./log.ts";
import { askProviders, takeUpOrphans } from "./loops/ask.ts";
import { followDatabaseClock } from "./loops/clock.ts";
import { createDrainDuty, retryParked } from "./loops/drain.ts";
import { readFeeds } from "./loops/feed.ts";
import { createLoop, type Loop, type LoopOptions } from "./loops/loop.ts";
import { maintain } from "./loops/maintain.ts";
import { createNotifyDuties } from "./loops/notify.ts";
import { measuredChannels } from "./metrics/channel.ts";
import { watchDatabase } from "./metrics/database.ts";
import { measureDelay } from "./metrics/delay.ts";
import { lookAtQueues } from "./metrics/look.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { createNotifier } from "./notify/notifier.ts";
import { appendLineEvents } from "./outbox/line-events.ts";
import { createHub } from "./streams/hub.ts";
import { type SocketSide, socketHandler } from "./streams/socket.ts";

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
  /** What is not public and may be reached all the same, by lines and by webhooks. */
  allowNetworks?: readonly Network[];
  /** Proxies whose `X-Forwarded-For` says whom a request comes from; nobody's is believed unless given. */
  trustedProxies?: readonly Network[];
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
  /** For tests: the verbs' context, and every route. */
  calls: CallContext;
  app: App;
}

const requestIdleSeconds = 60;
/** A placement that hangs is seen so much later than it could be. */
const healthTickMs = 50;
/** Routes refuse far smaller ones with a problem document; this is the last wall. */
const bodyBytesMax = 64 * 1024 * 1024;

export function createService(given: ServiceOptions): Service {
  const metrics = createMetrics(given.clock, {
    database: given.db.kind,
    channels: channelNames,
    ready: () => ready,
    drained: () => draining.counts,
    streams: () => hub.counts,
    look: () => lookAtQueues(options),
    lines: () => health.counted(),
  });
  const options = { ...given, db: watchDatabase(given.db, metrics.databaseFailed) };
  const { db, seal, clock, log, randomBytes } = options;
  const load = measuredChannels(options.loadChannel ?? loadChannel, clock, metrics);
  const guard = createGuard({ clock, allowed: options.allowNetworks ?? [] });
  const fetchOutside = guardedFetch(guard);
  /** The demo's far side runs on this machine: its own address, port and all, and no other one of this machine's. */
  let demoOrigin: string | null = null;
  const directory = createDirectory(options, {
    loadChannel: load,
    fetch: (request) => (new URL(request.url).origin === demoOrigin ? fetch(request) : fetchOutside(request)),
  });
  const settings = createSettingsBook(options);
  const health = createHealth(options, {
    directory,
    append: (q, transitions) => appendLineEvents(options, q, transitions),
    told(transitions) {
      metrics.linesTurned(transitions);
      tail.wake();
      notify.wake();
    },
    wake: () => lineHealth.wake(),
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
    health,
    underway: new Set(),
    settingsOf: (tenant) => settings.of(tenant),
    usageOf: createUsage(options),
    lastSettingsOf: (tenant) => settings.lastKnown(tenant),
    begin: (intent) => begin(intent),
    settle: (of, outcome) => settle(of, outcome),
    retries: createRetryBudget(),
    // A simulated line's far side is on this machine; a real provider reaches us from outside.
    notifyUrl: (line) =>
      `${line.definition.simulated ? localUrl : publicUrl()}/api/v1/calls/webhook/${line.channel}/${line.webhookToken}`,
    told(changes) {
      reader.told(changes);
      hub.told(changes);
      for (const { ended, channel, status } of changes) if (ended) metrics.ended(channel, status);
      notify.wake();
      // A call that is over leaves room for one that waits.
      if (changes.some(({ ended }) => ended)) queue.wake();
    },
    wakeDrain: () => drain.wake(),
  };
  const begin = createBegin(calls);
  const settle = createSettle(calls);
  const reader = createStatusReader(calls);
  const hub = createHub(options, { wake: () => tail.wake() });
  const accept = countAccepted(createAccept(options, calls.wakeDrain), metrics);
  const refusals = createRefusalLog(clock, metrics.refused);
  const draining = createDrainDuty(calls, accept.stored);
  const tickMs = options.tickMs ?? 250;
  const notifier = createNotifier(options, guard.send);
  const notify = createNotifyDuties(options, notifier, tickMs);
  const duty = (name: string, everyMs: number, runOnce: LoopOptions["runOnce"]): Loop =>
    createLoop({ name, clock, log, everyMs, runOnce });
  const drain = duty("drain", tickMs, (signal) => draining.runOnce(signal));
  const queue = duty("queue", 2 * tickMs, () => placeQueued(calls));
  const lineHealth = duty("health", Math.min(tickMs, healthTickMs), () => health.runOnce());
  const tail = duty("streams", tickMs, (signal) => hub.runOnce(signal));
  const background: Loop[] = [
    drain,
    tail,
    queue,
    lineHealth,
    duty("probes", 2 * tickMs, () => health.probeDue()),
    duty("delay", 0, async (signal) => {
      await measureDelay(clock, signal, metrics.loopDelayed);
      return true;
    }),
    ...notify.loops,
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
  const receive = createReceive(calls, accept, refusals);
  const authenticator = createAuthenticator(options);
  const direct = createDirect(options, { receive, reader, authenticator, answered: metrics.answered });
  const app = createApp({
    ctx: options,
    directory,
    settings,
    loadChannel: load,
    listChannels: async () => (await Promise.all(channelNames.map(load))).filter((one) => one !== null),
    authenticator,
    publicUrl,
    answered: metrics.answered,
    register: [
      (routes) => callRoutes(routes, calls, reader),
      (routes) => ticketRoutes(routes, options),
      (routes) => streamRoutes(routes, options, hub),
      (routes) => webhookRoutes(routes, calls, accept, { receive, refusals }),
      (routes) => subscriptionRoutes(routes, { ctx: options, guard }),
      (routes) => notificationRoutes(routes, { ctx: options, guard }),
      (routes) => metricsRoutes(routes, metrics),
      (routes) => lineHealthRoutes(routes, calls),
      (routes) => healthRoutes(routes, { calls, counts: draining.counts, refusals, ready: () => ready }),
    ],
  });
  let server: ReturnType<typeof Bun.serve> | null = null;
  let stopping: Promise<void> | null = null;

  const reach = (origin: string): void => {
    demoOrigin = origin;
  };

  async function start(): Promise<{ url: string; port: number }> {
    await provesKey(options);
    await Promise.all([
      ensureTenant(options, firstTenant, "默认 · Default").then(() =>
        ensureKey(options, firstTenant, options.adminKey, "首把密钥 · First key"),
      ),
      followDatabaseClock(options).then(() => maintain(calls)),
    ]);
    server = Bun.serve({
      hostname: options.host,
      port: options.port,
      idleTimeout: requestIdleSeconds,
      maxRequestBodySize: bodyBytesMax,
      websocket: socketHandler,
      fetch(request, handle) {
        const peer = (): string => handle.requestIP(request)?.address ?? "";
        const named = (): string | null => request.headers.get("x-forwarded-for");
        const address = (): string => clientAddress(peer(), named(), options.trustedProxies ?? []);
        const pushed = direct(request, address);
        if (pushed !== null) return pushed;
        return app.fetch(request, {
          address,
          upgrade: (side: SocketSide) => handle.upgrade(request, { data: side }),
          patience: (seconds: number) => handle.timeout(request, seconds),
        });
      },
    });
    const port = server.port ?? options.port;
    localUrl = `http://${options.host === "0.0.0.0" ? "localhost" : options.host}:${port}`;
    if (options.demo !== false)
      far = await runDemo(options, { directory, settings, loadChannel: load, publicUrl, reach }, firstTenant);
    // What was known of the lines before the restart.
    await health.runOnce();
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
    hub.close();
    await server?.stop();
    await Promise.all(background.map((loop) => loop.stop()));
    await Promise.allSettled([...calls.underway, health.settled()]);
    await health.flush().catch((error) => log.warn(errorFields(error), "what was seen of lines is not written"));
    await accept.stop();
    await notifier.stop();
    guard.close();
    await far?.stop();
    await directory.close();
    log.info({}, "stopped");
  }

  return {
    calls,
    app,
    start,
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}
