/** A notifier run by hand, step by step; time is put forward by the test. */
import { createGuard, type Guard } from "../../src/guard/guard.ts";
import { listDeliveries } from "../../src/notify/deliveries.ts";
import { createNotifier, type Notifier, type NotifierOptions } from "../../src/notify/notifier.ts";
import { createSubscription, deleteSubscription } from "../../src/notify/subscriptions.ts";
import { type Bench, type Endpoint, loopback, startBench, startEndpoint } from "./start.ts";

export const minute = 60_000;
export const hour = 60 * minute;

export interface Driver {
  bench: Bench;
  guard: Guard;
  endpoint(answer?: Endpoint["answer"]): Endpoint;
  /** A fresh instance, to whom the last one's lease on the outbox has passed, and which has nothing left to do. */
  notifier(options?: NotifierOptions): Promise<Notifier>;
  subscribe(endpoint: Endpoint, events?: readonly string[]): Promise<string>;
  unsubscribe(id: string): Promise<void>;
  /** How many deliveries of a subscription are in which state. */
  states(id: string): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

export async function startDriver(): Promise<Driver> {
  const bench = await startBench();
  const guard = createGuard({ clock: bench.clock, allowed: loopback });
  const endpoints: Endpoint[] = [];
  const notifiers: Notifier[] = [];
  return {
    bench,
    guard,
    endpoint(answer) {
      const endpoint = startEndpoint(answer);
      endpoints.push(endpoint);
      return endpoint;
    },
    async notifier(options = {}) {
      bench.clock.advance(minute);
      const notifier = createNotifier(bench.ctx, guard.send, options);
      notifiers.push(notifier);
      await drain(notifier);
      return notifier;
    },
    async subscribe(endpoint, events = ["*"]) {
      const made = await createSubscription(bench.ctx, guard, "one", { url: endpoint.url, events });
      bench.secrets.push(made.secret);
      return made.subscription.id;
    },
    unsubscribe: (id) => deleteSubscription(bench.ctx, "one", id),
    async states(id) {
      const all = await listDeliveries(bench.ctx, "one", id, { limit: 20_000, before: null, state: null });
      const grouped = Map.groupBy(all, ({ state }) => state);
      return Object.fromEntries([...grouped].map(([state, of]) => [state, of.length]));
    },
    async stop() {
      for (const notifier of notifiers) await notifier.stop();
      guard.close();
      await bench.close(endpoints);
      for (const endpoint of endpoints) await endpoint.stop();
    },
  };
}

/** Hands out and sends until nothing is due at this moment. */
export async function drain(notifier: Notifier): Promise<void> {
  for (let more = true; more; ) {
    while (await notifier.fanOut());
    await notifier.idle();
    more = await notifier.dispatch();
    await notifier.idle();
  }
}

/** By call, the versions as they came; of those that were accepted, where these are given. */
export function versionsByCall(endpoint: Endpoint, accepted: ReadonlySet<object> | null = null): Map<string, number[]> {
  const received = endpoint.received.filter((one) => accepted === null || accepted.has(one));
  const calls = Map.groupBy(received, (one) => one.body.callId as string);
  return new Map([...calls].map(([call, of]) => [call, of.map((one) => one.body.version as number)]));
}
