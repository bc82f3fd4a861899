/** The scan that ends every test service finds what leaks, wherever it leaks: planted here, caught there. */
import { expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import type { ChannelDefinition } from "../channels/contract.ts";
import { fake } from "../channels/fake/index.ts";
import type { Context } from "../src/context.ts";
import { appendOutbox } from "../src/outbox/append.ts";
import { eventually, startEndpoint, startHookedService, startTimeoutMs } from "./notify/start.ts";
import { startTestService } from "./service.ts";
import { openEvents, openSocket } from "./streams/desk.ts";

const planted = "13912345678";
const callId = "call_20261121_0000000000000001";

/** An event of a call, written as every event is, with a number where everybody is shown a channel's name. */
async function plantEvent(ctx: Context): Promise<void> {
  const payload = { callId, version: 1, userId: null, statusBefore: null, status: "calling", channel: planted };
  const message = { tenant: "default", callId, version: 1, topic: "call.created", payload } as const;
  await ctx.db.tx((q) => appendOutbox(ctx, q, [message]));
}

/** Which texts a scan finds numbers in. */
async function leaksOf(scan: Promise<void>): Promise<string[]> {
  const error: unknown = await scan.then(
    () => null,
    (caught: unknown) => caught,
  );
  const told = error instanceof Error ? error.message : "leaked:";
  if (!told.startsWith("leaked:")) throw error;
  return [...new Set([...told.matchAll(/^a number in ([\w ]+): /gm)].map(([, name = ""]) => name))].sort();
}

test(
  "a number in an event is caught in the feed, webhooks and streams, and one in a delivery log there",
  async () => {
    const on = await startHookedService();
    const endpoint = startEndpoint();
    const desk = await openEvents(on, on.key);
    await desk.until(({ type }) => type === "READY");
    const made = await on.ask("POST", "/api/v1/subscriptions", { body: { url: endpoint.url, events: ["*"] } });
    on.secrets.push(made.body.secret);
    await plantEvent(on.ctx);
    await desk.until(({ data }) => data.callId === callId);
    const kept = async () => (await on.ask("GET", `/api/v1/subscriptions/${made.body.id}/deliveries`)).body.deliveries;
    await eventually(async () => (await kept())[0]?.state === "delivered");
    desk.cut();
    const attempts = sql`jsonb_set(attempts, '{0,answer}', to_jsonb(${planted}::text))`;
    await on.ctx.db.run((q) => q.execute(sql`update notifications set attempts = ${attempts}`));
    const leaks = await leaksOf(on.stop([endpoint]));
    await endpoint.stop();
    expect(leaks).toEqual(["database", "delivery logs", "streams", "the feed", "webhooks"]);
  },
  startTimeoutMs,
);

test(
  "a number in a metric is caught, and in what desks on a socket are told",
  async () => {
    // Its name stands in labels, where no adapter's name is a number.
    const talkative = { ...(fake as unknown as ChannelDefinition), provider: planted };
    const on = await startTestService({ loadChannel: async (name) => (name === "talks" ? talkative : null) });
    const desk = await openSocket(on, on.key);
    await desk.until(({ type }) => type === "READY");
    on.far.addAccount("acc-1", "secret-of-the-account");
    const providerConfig = { baseUrl: on.far.url, accountId: "acc-1", secret: "secret-of-the-account" };
    const body = { providerType: "talks", providerConfig };
    expect((await on.ask("POST", "/api/v1/calls/lines/test", { body })).body.success).toBe(true);
    await plantEvent(on.service.calls);
    await desk.until(({ data }) => data.callId === callId);
    desk.cut();
    expect(await leaksOf(on.stop())).toEqual(["metrics", "streams", "the feed"]);
  },
  startTimeoutMs,
);

test(
  "where nothing is planted nothing is found",
  async () => {
    const on = await startTestService();
    await on.tenant("other");
    await on.stop();
  },
  startTimeoutMs,
);
