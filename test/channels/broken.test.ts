/** Adapters broken on purpose: each must fail the check that guards against its fault, or the suite proves nothing. */

import { expect, test } from "bun:test";
import assert from "node:assert/strict";
import {
  type CallEvent,
  type Channel,
  type ChannelDefinition,
  ChannelError,
  type ChannelTools,
} from "../../channels/contract.ts";
import { checksFor } from "./conformance.ts";
import { startFakeHarness } from "./fake-harness.ts";
import type { Harness } from "./harness.ts";
import { startTianrunHarness } from "./tianrun-harness.ts";

type Break = (channel: Channel, tools: ChannelTools) => Partial<Channel>;
/** What a fault does to each request on its way out. */
type Garble = (request: Request) => Request;

function broken(harness: Harness, spoil: Break, garble: Garble = (request) => request): Harness {
  const { definition } = harness;
  const create: ChannelDefinition["create"] = (config, given) => {
    const tools = { ...given, fetch: (request: Request) => given.fetch(garble(request)) };
    const channel = definition.create(config, tools);
    return { ...channel, ...spoil(channel, tools) };
  };
  return { ...harness, definition: { ...definition, create } };
}

const pushed = await startFakeHarness({ flavour: "push", lookup: "running" });
const polled = await startFakeHarness({ flavour: "poll", lookup: "running" });
const clink = await startTianrunHarness("clink", { pushed: true });
let asked = 0;
/** Its signatures cover the second, not the body: each request is of another one, so that no two are alike. */
const secondsApart = { ...clink.tools, now: () => new Date(Date.now() - (++asked % 300) * 1_000) };
const signedInAddress = { ...clink, tools: secondsApart };
const endedOnly = await startFakeHarness({ flavour: "push", lookup: "ended" });

const mapped = (map: (events: CallEvent[]) => CallEvent[]): Break => {
  return (channel) => ({ normalize: (delivery) => map(channel.normalize(delivery)) });
};

const retriesUnknown: Break = (channel) => ({
  place: (order, signal) =>
    channel.place(order, signal).catch((error: unknown) => {
      if (error instanceof ChannelError && error.effect === "none") throw error;
      return channel.place(order, new AbortController().signal);
    }),
});

const callsAllHarmless: Break = (channel) => ({
  place: (order, signal) =>
    channel.place(order, signal).catch((error: unknown) => {
      throw error instanceof ChannelError ? new ChannelError({ ...error, effect: "none" }) : error;
    }),
});

/** In an address a plus is a space: a signature in base64 that is not escaped fits most of the time. */
const unescaped: Garble = (request) => new Request(request.url.replaceAll("%2B", "+"), request);

const mutants: { name: string; harness: Harness; spoil: Break; garble?: Garble; caughtBy: RegExp }[] = [
  {
    name: "leaves its signature unescaped",
    harness: signedInAddress,
    spoil: () => ({}),
    garble: unescaped,
    caughtBy: /^place: 50 at once/,
  },
  { name: "retries a place after a timeout", harness: pushed, spoil: retriesUnknown, caughtBy: /^place: a timeout/ },
  { name: "retries a place after a reset", harness: pushed, spoil: retriesUnknown, caughtBy: /^place: a reset/ },
  { name: "calls a timeout harmless", harness: pushed, spoil: callsAllHarmless, caughtBy: /^place: a timeout/ },
  { name: "calls a reset harmless", harness: pushed, spoil: callsAllHarmless, caughtBy: /^place: a reset/ },
  {
    name: "ignores the abort of a place",
    harness: pushed,
    spoil: (channel) => ({ place: (order) => channel.place(order, new AbortController().signal) }),
    caughtBy: /^place: an abort/,
  },
  {
    name: "gives every call the same id",
    harness: pushed,
    spoil: (channel) => ({
      place: async (order, signal) => ({ ...(await channel.place(order, signal)), providerCallId: "one" }),
    }),
    caughtBy: /^place: 50 at once/,
  },
  {
    name: "takes silence for a yes",
    harness: pushed,
    spoil: (channel) => ({
      place: (order, signal) =>
        channel.place(order, signal).catch(() => ({ providerCallId: "maybe", providerJobId: null })),
    }),
    caughtBy: /^place: a refusal/,
  },
  {
    name: "swaps the legs",
    harness: pushed,
    spoil: mapped((events) =>
      events.map((event) => ("leg" in event ? { ...event, leg: event.leg === "a" ? "b" : "a" } : event)),
    ),
    caughtBy: /^news: every ending/,
  },
  {
    name: "drops a state",
    harness: pushed,
    spoil: mapped((events) => events.filter((event) => !(event.kind === "ringing" && event.leg === "b"))),
    caughtBy: /^normalize: every fixture/,
  },
  {
    name: "drops a state, live",
    harness: polled,
    spoil: mapped((events) => events.filter((event) => event.authority === 4 || event.kind !== "answered")),
    caughtBy: /^news: each state/,
  },
  {
    name: "reads the times in another zone",
    harness: pushed,
    spoil: mapped((events) =>
      events.map((event) => ({ ...event, at: event.at && new Date(event.at.getTime() + 8 * 3_600_000) })),
    ),
    caughtBy: /^news: times/,
  },
  {
    name: "takes busy for no answer",
    harness: pushed,
    spoil: mapped((events) =>
      events.map((event) =>
        event.kind === "ended" && event.cause === "USER_BUSY" ? { ...event, cause: "NO_ANSWER" } : event,
      ),
    ),
    caughtBy: /^news: every ending/,
  },
  {
    name: "drops what it does not know",
    harness: pushed,
    spoil: mapped((events) => events.filter((event) => event.kind !== "unrecognized")),
    caughtBy: /^normalize: what nobody understands/,
  },
  {
    name: "swallows garbage",
    harness: pushed,
    spoil: (channel) => ({
      normalize(delivery) {
        try {
          return channel.normalize(delivery);
        } catch {
          return [];
        }
      },
    }),
    caughtBy: /^normalize: what is not the provider's form/,
  },
  {
    name: "remembers what it has normalized",
    harness: pushed,
    spoil: (channel) => {
      const seen = new Set<string>();
      return {
        normalize(delivery) {
          const key = new TextDecoder().decode(delivery.body);
          if (seen.has(key)) return [];
          seen.add(key);
          return channel.normalize(delivery);
        },
      };
    },
    caughtBy: /^normalize: pure/,
  },
  ...(["a tampered", "an unsigned", "another secret's", "a stale"] as const).map((what) => ({
    name: `ignores the signature: ${what} push`,
    harness: pushed,
    spoil: (): Partial<Channel> => ({
      webhook: async ({ body }) => ({
        deliveries: [{ kind: "event", body }],
        reply: { status: 200, contentType: "application/json", body: "{}" },
      }),
    }),
    caughtBy: new RegExp(`^webhook: ${what} push`),
  })),
  {
    name: "calls a call absent that is not in the list of ended ones",
    harness: endedOnly,
    spoil: (channel) => ({
      async find(order, since, signal) {
        const found = await channel.find?.(order, since, signal);
        return found === undefined || found === "cannot-tell" ? "absent" : found;
      },
    }),
    caughtBy: /^find: a call whose answer was lost/,
  },
  {
    name: "takes a failed look-up for absence",
    harness: pushed,
    spoil: (channel) => ({
      find: async (order, since, signal) => (await channel.find?.(order, since, signal).catch(() => null)) ?? "absent",
    }),
    caughtBy: /^find: a provider that gives no sensible answer/,
  },
  {
    name: "finds another attempt's call",
    harness: pushed,
    spoil: (channel) => ({
      find: async (order, since, signal) =>
        (await channel.find?.({ ...order, attempt: 1 }, since, signal)) ?? "cannot-tell",
    }),
    caughtBy: /^find: another attempt/,
  },
  {
    name: "leaks a number in an error",
    harness: pushed,
    spoil: (channel) => ({
      place: (order, signal) =>
        channel.place(order, signal).catch((error: unknown) => {
          if (error instanceof ChannelError) throw new ChannelError({ ...error, code: order.customer.reveal() });
          throw error;
        }),
    }),
    caughtBy: /^secrets: no error/,
  },
  {
    name: "leaks the secret in an error's own field",
    harness: pushed,
    spoil: (channel) => ({
      place: (order, signal) =>
        channel.place(order, signal).catch((error: unknown) => {
          throw error instanceof Error ? Object.assign(error, { request: pushed.secrets[0] }) : error;
        }),
    }),
    caughtBy: /^secrets: no error/,
  },
  {
    name: "throws what fetch throws",
    harness: pushed,
    spoil: (_, tools) => ({
      async place(order, signal) {
        await tools.fetch(new Request("http://127.0.0.1:9/v1/calls", { method: "POST", body: order.callId, signal }));
        return { providerCallId: "one", providerJobId: null };
      },
    }),
    caughtBy: /^place: a refused connection/,
  },
  {
    name: "skips a page of the feed",
    harness: polled,
    spoil: (channel) => ({
      async poll(cursor, signal) {
        const page = await channel.poll?.(cursor, signal);
        assert(page);
        return { ...page, deliveries: page.deliveries.slice(0, 2) };
      },
    }),
    caughtBy: /^poll:/,
  },
  {
    name: "leaves a call out of its answers",
    harness: pushed,
    spoil: (channel) => ({
      follow: async (calls, signal) =>
        ((await channel.follow?.(calls, signal)) ?? []).filter((answer) => "delivery" in answer),
    }),
    caughtBy: /^follow:/,
  },
  {
    name: "only pretends to hang up",
    harness: pushed,
    spoil: () => ({ hangup: async () => undefined }),
    caughtBy: /^hangup: a call that has not been joined/,
  },
  {
    name: "only pretends to control",
    harness: pushed,
    spoil: () => ({ control: async () => undefined }),
    caughtBy: /^control:/,
  },
  {
    name: "has a feed that its definition denies",
    harness: pushed,
    spoil: () => ({ poll: async () => ({ deliveries: [], cursor: "1" }) }),
    caughtBy: /^definition: capabilities/,
  },
];

for (const { name, harness, spoil, garble, caughtBy } of mutants) {
  test.concurrent(`caught: ${name}`, async () => {
    const check = checksFor(harness).find((one) => caughtBy.test(one.name));
    assert(check, `no check is named ${caughtBy}`);
    const error = await check.run(broken(harness, spoil, garble)).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(assert.AssertionError);
  });
}
