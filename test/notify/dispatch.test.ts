/** The notifier run by hand: outages, order, hanging endpoints, replays, dead letters. Time is put forward. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createGuard, type Guard } from "../../src/guard/guard.ts";
import { listDeliveries, replayDelivery, replayRange } from "../../src/notify/deliveries.ts";
import { createNotifier, type Notifier, type NotifierOptions } from "../../src/notify/notifier.ts";
import {
  createSubscription,
  deleteSubscription,
  getSubscription,
  updateSubscription,
} from "../../src/notify/subscriptions.ts";
import {
  type Bench,
  type Endpoint,
  eventually,
  loopback,
  message,
  startBench,
  startEndpoint,
  startTimeoutMs,
} from "./start.ts";

const minute = 60_000;
const hour = 60 * minute;
let bench: Bench;
let guard: Guard;
const endpoints: Endpoint[] = [];
const notifiers: Notifier[] = [];
beforeAll(async () => {
  bench = await startBench();
  guard = createGuard({ clock: bench.clock, allowed: loopback });
}, startTimeoutMs);
afterAll(async () => {
  for (const notifier of notifiers) await notifier.stop();
  guard.close();
  await bench.close(endpoints);
  for (const endpoint of endpoints) await endpoint.stop();
}, startTimeoutMs);

function newEndpoint(answer?: Endpoint["answer"]): Endpoint {
  const endpoint = startEndpoint(answer);
  endpoints.push(endpoint);
  return endpoint;
}

function newNotifier(options: NotifierOptions = {}): Notifier {
  // The last one's lease on the outbox runs out.
  bench.clock.advance(minute);
  const notifier = createNotifier(bench.ctx, guard.send, options);
  notifiers.push(notifier);
  return notifier;
}

/** Each test has its own notifier and subscriptions, and deletes them. */
async function subscribe(endpoint: Endpoint, events: readonly string[] = ["*"], tenant = "one"): Promise<string> {
  const made = await createSubscription(bench.ctx, guard, tenant, { url: endpoint.url, events });
  bench.secrets.push(made.secret);
  return made.subscription.id;
}

/** Hands out and sends until nothing is due at this moment. */
async function drain(notifier: Notifier): Promise<void> {
  while (await notifier.fanOut());
  for (let more = true; more; ) {
    more = await notifier.dispatch();
    await notifier.idle();
  }
}

const states = async (id: string) => {
  const all = await listDeliveries(bench.ctx, "one", id, { limit: 10_000, before: null, state: null });
  return Object.fromEntries(
    Map.groupBy(all, ({ state }) => state)
      .entries()
      .map(([state, of]) => [state, of.length]),
  );
};

/** Per call, each event once and in order. */
function inOrder(endpoint: Endpoint, accepted: ReadonlySet<object> | null = null): Map<string, number[]> {
  const received = endpoint.received.filter((one) => accepted === null || accepted.has(one));
  const calls = Map.groupBy(received, (one) => one.body.callId as string);
  return new Map([...calls].map(([call, of]) => [call, of.map((one) => one.body.version as number)]));
}

test("an endpoint that is down for six hours gets everything, in order per call", async () => {
  const notifier = newNotifier();
  await drain(notifier);
  let up = false;
  const accepted = new Set<object>();
  const endpoint = newEndpoint((received) => {
    if (up) accepted.add(received);
    return new Response(up ? "ok" : "call 139 1234 5678 later", { status: up ? 204 : 503 });
  });
  const id = await subscribe(endpoint);
  const calls = Array.from({ length: 30 }, (_, call) => `call_down_${call}`);
  const versions = [1, 2, 3, 4];
  for (let passed = 0; passed < 6 * hour; passed += 5 * minute) {
    const version = versions[passed / (5 * minute)];
    if (version !== undefined) await bench.happen(calls.map((call) => message(call, version)));
    await drain(notifier);
    bench.clock.advance(5 * minute);
  }
  expect((await getSubscription(bench.ctx, "one", id)).health.state).toBe("open");
  expect(await states(id)).toEqual({ pending: 120 });
  // One request at a time has tried: far fewer than there were events and minutes.
  expect(endpoint.received.length).toBeLessThan(120);
  up = true;
  bench.clock.advance(6 * minute);
  await drain(notifier);
  expect(await states(id)).toEqual({ delivered: 120 });
  expect(inOrder(endpoint, accepted)).toEqual(new Map(calls.map((call) => [call, versions])));
  expect(await getSubscription(bench.ctx, "one", id)).toMatchObject({
    active: true,
    health: { state: "ok", failures: 0 },
  });
  const [last] = await listDeliveries(bench.ctx, "one", id, { limit: 1, before: "evt_999999", state: "delivered" });
  expect(last?.attempts.at(-1)).toMatchObject({ status: 204, error: null });
  await deleteSubscription(bench.ctx, "one", id);
}, 120_000);

test("an event that fails alone is tried on and on for three days, then is dead, and a replay revives it", async () => {
  const notifier = newNotifier();
  await drain(notifier);
  let up = false;
  const endpoint = newEndpoint(() => new Response("no", { status: up ? 200 : 500 }));
  const id = await subscribe(endpoint);
  const began = bench.clock.now().getTime();
  await bench.happen([message("call_dead", 1)]);
  const triedAt: number[] = [];
  for (let tries = 0; tries < 40; tries++) {
    await drain(notifier);
    if (endpoint.received.length > triedAt.length) triedAt.push(bench.clock.now().getTime() - began);
    const [delivery] = await listDeliveries(bench.ctx, "one", id, { limit: 1, before: null, state: null });
    if (delivery?.state === "dead") break;
    const { health } = await getSubscription(bench.ctx, "one", id);
    const due = Math.max(Date.parse(delivery?.due ?? ""), Date.parse(health.openUntil ?? delivery?.due ?? ""));
    bench.clock.advance(due - bench.clock.now().getTime() + 1);
  }
  const gaps = triedAt.slice(1).map((at, index) => at - (triedAt[index] ?? 0));
  const plan = [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400, 86_400].map(
    (seconds) => seconds * 1_000,
  );
  expect(gaps).toHaveLength(plan.length);
  for (const [index, gap] of gaps.entries()) {
    expect(gap).toBeGreaterThanOrEqual((plan[index] ?? 0) * 0.9);
    expect(gap).toBeLessThanOrEqual((plan[index] ?? 0) * 1.1 + 30 * minute);
  }
  expect(triedAt.at(-1)).toBeGreaterThanOrEqual(75 * hour);
  const [dead] = await listDeliveries(bench.ctx, "one", id, { limit: 1, before: null, state: "dead" });
  expect(dead).toMatchObject({ tries: 13, callId: "call_dead", due: null });
  expect(dead?.attempts.map(({ error, status }) => [error, status])).toEqual(Array(13).fill(["status", 500]));
  expect((await getSubscription(bench.ctx, "one", id)).active).toBe(true);
  // What comes next is not held up for ever by what is dead.
  up = true;
  await replayDelivery(bench.ctx, "one", id, dead?.id ?? "");
  bench.clock.advance(1_000);
  await drain(notifier);
  expect(await states(id)).toEqual({ delivered: 1 });
  expect(new Set(endpoint.received.map((one) => one.headers["webhook-id"]))).toEqual(new Set([dead?.id]));
  await deleteSubscription(bench.ctx, "one", id);
}, 120_000);

test("a backlog behind an endpoint that never returns dies with it, though not every event had its turn", async () => {
  const notifier = newNotifier();
  await drain(notifier);
  const endpoint = newEndpoint(() => new Response("no", { status: 410 }));
  const id = await subscribe(endpoint);
  await bench.happen(Array.from({ length: 500 }, (_, call) => message(`call_hopeless_${call}`, 1)));
  for (let passed = 0; passed < 80 * hour; passed += 4 * hour) {
    await drain(notifier);
    bench.clock.advance(4 * hour);
  }
  await drain(notifier);
  expect(await states(id)).toEqual({ dead: 500 });
  expect((await getSubscription(bench.ctx, "one", id)).health).toMatchObject({
    state: "open",
    gone: expect.any(String),
  });
  expect(endpoint.received.length).toBeLessThan(100);
  await deleteSubscription(bench.ctx, "one", id);
}, 120_000);

test("hanging endpoints hold up nobody else", async () => {
  const notifier = newNotifier({ sendingMax: 64 });
  await drain(notifier);
  const release = Promise.withResolvers<void>();
  const hanging = Array.from({ length: 10 }, () =>
    newEndpoint(async () => {
      await release.promise;
      return new Response("late");
    }),
  );
  const healthy = Array.from({ length: 5 }, () => newEndpoint());
  const ids = await Promise.all([...hanging, ...healthy].map((endpoint) => subscribe(endpoint)));
  await bench.happen(Array.from({ length: 200 }, (_, call) => message(`call_hang_${call}`, 1)));
  while (await notifier.fanOut());
  while (!healthy.every((endpoint) => endpoint.received.length === 200)) {
    await notifier.dispatch();
    await Bun.sleep(1);
  }
  // All of that went out while every request to the others was still open, and those were few.
  for (const endpoint of hanging) {
    expect(endpoint.open()).toBeGreaterThan(0);
    expect(endpoint.open()).toBeLessThanOrEqual(4);
  }
  release.resolve();
  await drain(notifier);
  for (const endpoint of [...hanging, ...healthy]) expect(inOrder(endpoint).size).toBe(200);
  for (const id of ids) await deleteSubscription(bench.ctx, "one", id);
}, 120_000);

test("Retry-After is honoured, redirects are failures with a reason, and long answers are cut", async () => {
  const notifier = newNotifier();
  await drain(notifier);
  let answer = (): Response => new Response("slow down", { status: 429, headers: { "retry-after": "1800" } });
  const endpoint = newEndpoint(() => answer());
  const id = await subscribe(endpoint, ["call.ended"]);
  await bench.happen([message("call_later", 1), message("call_later", 2, "call.ended")]);
  await drain(notifier);
  const only = async () => (await listDeliveries(bench.ctx, "one", id, { limit: 2, before: null, state: null }))[0];
  const first = await only();
  expect(Date.parse(first?.due ?? "") - Date.parse(first?.attempts[0]?.at ?? "")).toBeGreaterThanOrEqual(30 * minute);
  bench.clock.advance(29 * minute);
  await drain(notifier);
  expect(endpoint.received).toHaveLength(1);
  answer = () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } });
  bench.clock.advance(2 * minute);
  await drain(notifier);
  expect((await only())?.attempts.at(-1)).toMatchObject({ status: 302, error: "redirect" });
  answer = () => new Response(`13912345678 ${"x".repeat(200_000)}`);
  bench.clock.advance(hour);
  await drain(notifier);
  const last = await only();
  expect(last).toMatchObject({ state: "delivered", tries: 3, version: 2 });
  expect(last?.attempts.at(-1)?.answer).toStartWith("*** xxx");
  expect(last?.attempts.at(-1)?.answer.length).toBeLessThanOrEqual(1_024);
  await deleteSubscription(bench.ctx, "one", id);
}, 60_000);

test("several instances together send each event once, in order per call", async () => {
  const instances = [newNotifier(), newNotifier(), newNotifier()];
  for (const notifier of instances) await drain(notifier);
  const endpoint = newEndpoint(() => new Response("ok"));
  const id = await subscribe(endpoint);
  const calls = Array.from({ length: 60 }, (_, call) => `call_many_${call}`);
  for (const version of [1, 2, 3]) await bench.happen(calls.map((call) => message(call, version)));
  await Promise.all(instances.map((notifier) => drain(notifier)));
  for (const notifier of instances) await drain(notifier);
  expect(inOrder(endpoint)).toEqual(new Map(calls.map((call) => [call, [1, 2, 3]])));
  expect(await states(id)).toEqual({ delivered: 180 });
  await deleteSubscription(bench.ctx, "one", id);
}, 60_000);

test("10,000 replayed events keep their ids, also those that were missed", async () => {
  const notifier = newNotifier({ perEndpointMax: 64 });
  await drain(notifier);
  const from = bench.clock.now();
  const endpoint = newEndpoint();
  const id = await subscribe(endpoint);
  const calls = Array.from({ length: 1_000 }, (_, call) => `call_replay_${call}`);
  for (const version of [1, 2, 3, 4, 5]) await bench.happen(calls.map((call) => message(call, version)));
  await drain(notifier);
  await updateSubscription(bench.ctx, guard, "one", id, { active: false });
  for (const version of [6, 7, 8, 9, 10]) await bench.happen(calls.map((call) => message(call, version)));
  await bench.happen([message("call_replay_0", 11, "call.updated", "two")]);
  await drain(notifier);
  const told = (received: Endpoint["received"]) =>
    new Map(received.map((one) => [one.headers["webhook-id"], one.text]));
  const first = told(endpoint.received.splice(0));
  expect(first.size).toBe(5_000);
  await updateSubscription(bench.ctx, guard, "one", id, { active: true });
  bench.clock.advance(1_000);
  const replayed = await replayRange(bench.ctx, "one", id, { from, to: bench.clock.now() });
  expect(replayed).toEqual({ queued: 10_000, next: null });
  await drain(notifier);
  const versions = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  expect(inOrder(endpoint)).toEqual(new Map(calls.map((call) => [call, versions])));
  const second = told(endpoint.received);
  expect(second.size).toBe(10_000);
  for (const [eventId, text] of first) expect(second.get(eventId)).toBe(text);
  await deleteSubscription(bench.ctx, "one", id);
}, 120_000);

test("a stop gives back what was not sent, and the next start sends it", async () => {
  const notifier = newNotifier({ stopWaitMs: 50 });
  await drain(notifier);
  const release = Promise.withResolvers<void>();
  const endpoint = newEndpoint(async () => {
    await release.promise;
    return new Response("ok");
  });
  const id = await subscribe(endpoint);
  await bench.happen(Array.from({ length: 20 }, (_, call) => message(`call_stop_${call}`, 1)));
  while (await notifier.fanOut());
  await notifier.dispatch();
  await eventually(() => endpoint.open() > 0);
  await notifier.stop();
  release.resolve();
  expect(await states(id)).toEqual({ pending: 20 });
  const next = newNotifier();
  await drain(next);
  expect(await states(id)).toEqual({ delivered: 20 });
  await deleteSubscription(bench.ctx, "one", id);
}, 60_000);
