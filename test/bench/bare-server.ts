/** See `bare.ts`. Arguments: port, the webhook's path, the line's secret. */
import { randomBytes } from "node:crypto";
import type { ChannelDefinition } from "../../channels/contract.ts";
import { fake } from "../../channels/fake/index.ts";
import type { Database } from "../../db/client.ts";
import { createSeal } from "../../db/seal.ts";
import { createAuthenticator } from "../../src/auth/authenticate.ts";
import { createSettingsBook } from "../../src/auth/settings.ts";
import type { CallContext } from "../../src/calls/context.ts";
import { createStatusReader } from "../../src/calls/status.ts";
import { systemClock } from "../../src/clock.ts";
import { createApp } from "../../src/http/app.ts";
import { createDirect } from "../../src/http/direct.ts";
import { createReceive, createRefusalLog, webhookRoutes } from "../../src/http/webhooks.ts";
import type { Directory, Line } from "../../src/lines/directory.ts";
import { createLog } from "../../src/log.ts";

const [port = "0", webhook = "", secret = ""] = process.argv.slice(2);
const nothing = async (): Promise<never> => {
  throw new Error("there is no database here");
};
const db: Database = { kind: "server", run: nothing, tx: nothing, close: async () => {} };
const clock = systemClock();
const ctx = { db, clock, seal: createSeal(randomBytes(32)), log: createLog("warn", () => {}), randomBytes };
const definition = fake as unknown as ChannelDefinition;
const config = {
  baseUrl: "http://127.0.0.1:9",
  accountId: "bench",
  secret,
  flavour: "push",
  lookup: "running",
  answersAll: false,
  controls: true,
  speed: 1,
  protect: false,
};
const channel = definition.create(config, { fetch, now: () => clock.now(), randomId: () => "" });
const line = { id: 1, tenant: "default", accountId: "acc", channel: "fake", definition, config } as Line;
const directory = { byToken: async () => [line], channelOf: () => channel } as unknown as Directory;
const calls = { ...ctx, directory, notifyUrl: () => "" } as unknown as CallContext;
const accept = { accept: async () => {}, stored: () => 0, stop: async () => {} };
const refusals = createRefusalLog(clock);
const receive = createReceive(calls, accept, refusals);
const authenticator = createAuthenticator(ctx);
const direct = createDirect(ctx, { receive, reader: createStatusReader(calls), authenticator });
const app = createApp({
  ctx,
  directory,
  settings: createSettingsBook(ctx),
  loadChannel: async () => definition,
  listChannels: async () => [],
  authenticator,
  publicUrl: () => "",
  register: [(routes) => webhookRoutes(routes, calls, accept, { receive, refusals })],
});
Bun.serve({
  port: Number(port),
  hostname: "127.0.0.1",
  fetch(request, server) {
    const address = (): string => server.requestIP(request)?.address ?? "";
    return direct(request, address) ?? app.fetch(request, { address });
  },
});
process.on("SIGTERM", () => process.exit(0));
process.stdout.write(`ready ${webhook}\n`);
