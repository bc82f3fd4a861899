/** Endpoints that are down, hang, or answer oddly: what is tried when, and what becomes of it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { listDeliveries, replayDelivery } from "../../src/notify/deliveries.ts";
import { getSubscription } from "../../src/notify/subscriptions.ts";
import { type Driver, drain, hour, minute, startDriver, versionsByCall } from "./driver.ts";
import { message, startTimeoutMs } from "./start.ts";

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver();
}, startTimeoutMs);
afterAll(() => driver.stop(), startTimeoutMs);

test("an endpoint that is down for six hours gets everything, in order per call", async () => {
  const notifier = await driver.notifier();
  let up = false;
  const accepted = new Set<object>();
  const endpoint = driver.endpoint((received) => {
    if (up) accepted.add(received);
    return new Response(up ? "ok" : "call 139 1234 5678 later", { status: up ? 204 : 503 });
  });
  const id = await driver.subscribe(endpoint);
  const calls = Array.from({ length: 30 }, (_, call) => `call_down_${call}`);
  const versions = [1, 2, 3, 4];
  for (let passed = 0; passed < 6 * hour; passed += 5 * minute) {
    const version = versions[passed / (5 * minute)];
    if (version !== undefined) await driver.bench.happen(calls.map((call) => message(call, version)));
    await drain(notifier);
    driver.bench.clock.advance(5 * minute);
  }
  expect((await getSubscription(driver.bench.ctx, "one", id)).health.state).toBe("open");
  expect(await driver.states(id)).toEqual({ pending: 120 });
  // One request at a time has tried: far fewer than there were events and minutes.
  expect(endpoint.received.length).toBeLessThan(120);
  up = true;
  driver.bench.clock.advance(6 * minute);
  await drain(notifier);
  expect(await driver.states(id)).toEqual({ delivered: 120 });
  expect(versionsByCall(endpoint, accepted)).toEqual(new Map(calls.map((call) => [call, versions])));
  expect(await getSubscription(driver.bench.ctx, "one", id)).toMatchObject({
    active: true,
    health: { state: "ok", failures: 0 },
  });
  const [last] = await listDeliveries(driver.bench.ctx, "one", id, {
    limit: 1,
    before: "evt_999999",
    state: "delivered",
  });
  expect(last?.attempts.at(-1)).toMatchObject({ status: 204, error: null });
  await driver.unsubscribe(id);
}, 120_000);

test("an event that fails alone is tried on and on for three days, then is dead, and a replay revives it", async () => {
  const notifier = await driver.notifier();
  let up = false;
  const endpoint = driver.endpoint(() => new Response("no", { status: up ? 200 : 500 }));
  const id = await driver.subscribe(endpoint);
  const began = driver.bench.clock.now().getTime();
  await driver.bench.happen([message("call_dead", 1)]);
  const triedAt: number[] = [];
  for (let tries = 0; tries < 40; tries++) {
    await drain(notifier);
    if (endpoint.received.length > triedAt.length) triedAt.push(driver.bench.clock.now().getTime() - began);
    const [delivery] = await listDeliveries(driver.bench.ctx, "one", id, { limit: 1, before: null, state: null });
    if (delivery?.state === "dead") break;
    const { health } = await getSubscription(driver.bench.ctx, "one", id);
    const due = Math.max(Date.parse(delivery?.due ?? ""), Date.parse(health.openUntil ?? delivery?.due ?? ""));
    driver.bench.clock.advance(due - driver.bench.clock.now().getTime() + 1);
  }
  const gaps = triedAt.slice(1).map((at, index) => at - (triedAt[index] ?? 0));
  const plan = [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 86_400, 86_400].map(
    (seconds) => seconds * 1_000,
  );
  // With much jitter upwards, the last day but one ends after 75 hours already.
  expect([plan.length - 1, plan.length]).toContain(gaps.length);
  for (const [index, gap] of gaps.entries()) {
    expect(gap).toBeGreaterThanOrEqual((plan[index] ?? 0) * 0.9);
    expect(gap).toBeLessThanOrEqual((plan[index] ?? 0) * 1.1 + 30 * minute);
  }
  expect(triedAt.at(-1)).toBeGreaterThanOrEqual(75 * hour);
  const [dead] = await listDeliveries(driver.bench.ctx, "one", id, { limit: 1, before: null, state: "dead" });
  expect(dead).toMatchObject({ tries: triedAt.length, callId: "call_dead", due: null });
  expect(dead?.attempts.map(({ error, status }) => [error, status])).toEqual(
    Array(triedAt.length).fill(["status", 500]),
  );
  expect((await getSubscription(driver.bench.ctx, "one", id)).active).toBe(true);
  // What comes next is not held up for ever by what is dead.
  up = true;
  await replayDelivery(driver.bench.ctx, "one", id, dead?.id ?? "");
  driver.bench.clock.advance(1_000);
  await drain(notifier);
  expect(await driver.states(id)).toEqual({ delivered: 1 });
  expect(new Set(endpoint.received.map((one) => one.headers["webhook-id"]))).toEqual(new Set([dead?.id]));
  await driver.unsubscribe(id);
}, 120_000);

test("a backlog behind an endpoint that never returns dies with it, though not every event had its turn", async () => {
  const notifier = await driver.notifier();
  const endpoint = driver.endpoint(() => new Response("no", { status: 410 }));
  const id = await driver.subscribe(endpoint);
  await driver.bench.happen(Array.from({ length: 500 }, (_, call) => message(`call_hopeless_${call}`, 1)));
  for (let passed = 0; passed < 80 * hour; passed += 4 * hour) {
    await drain(notifier);
    driver.bench.clock.advance(4 * hour);
  }
  await drain(notifier);
  expect(await driver.states(id)).toEqual({ dead: 500 });
  expect((await getSubscription(driver.bench.ctx, "one", id)).health).toMatchObject({
    state: "open",
    gone: expect.any(String),
  });
  expect(endpoint.received.length).toBeLessThan(100);
  await driver.unsubscribe(id);
}, 120_000);

test("hanging endpoints hold up nobody else", async () => {
  const notifier = await driver.notifier({ sendingMax: 64 });
  const release = Promise.withResolvers<void>();
  const hanging = Array.from({ length: 10 }, () =>
    driver.endpoint(async () => {
      await release.promise;
      return new Response("late");
    }),
  );
  const healthy = Array.from({ length: 5 }, () => driver.endpoint());
  const ids = await Promise.all([...hanging, ...healthy].map((endpoint) => driver.subscribe(endpoint)));
  await driver.bench.happen(Array.from({ length: 200 }, (_, call) => message(`call_hang_${call}`, 1)));
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
  for (const endpoint of [...hanging, ...healthy]) expect(versionsByCall(endpoint).size).toBe(200);
  for (const id of ids) await driver.unsubscribe(id);
}, 120_000);

test("Retry-After is honoured, redirects are failures with a reason, and long answers are cut", async () => {
  const notifier = await driver.notifier();
  let answer = (): Response => new Response("slow down", { status: 429, headers: { "retry-after": "1800" } });
  const endpoint = driver.endpoint(() => answer());
  const id = await driver.subscribe(endpoint, ["call.ended"]);
  await driver.bench.happen([message("call_later", 1), message("call_later", 2, "call.ended")]);
  await drain(notifier);
  const only = async () =>
    (await listDeliveries(driver.bench.ctx, "one", id, { limit: 2, before: null, state: null }))[0];
  const first = await only();
  expect(Date.parse(first?.due ?? "") - Date.parse(first?.attempts[0]?.at ?? "")).toBeGreaterThanOrEqual(30 * minute);
  driver.bench.clock.advance(29 * minute);
  await drain(notifier);
  expect(endpoint.received).toHaveLength(1);
  answer = () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1:1/" } });
  driver.bench.clock.advance(2 * minute);
  await drain(notifier);
  expect((await only())?.attempts.at(-1)).toMatchObject({ status: 302, error: "redirect" });
  answer = () => new Response(`13912345678 ${"x".repeat(200_000)}`);
  driver.bench.clock.advance(hour);
  await drain(notifier);
  const last = await only();
  expect(last).toMatchObject({ state: "delivered", tries: 3, version: 2 });
  expect(last?.attempts.at(-1)?.answer).toStartWith("*** xxx");
  expect(last?.attempts.at(-1)?.answer.length).toBeLessThanOrEqual(1_024);
  await driver.unsubscribe(id);
}, 60_000);

test("what comes behind a page that was full to its last event is told as well", async () => {
  const notifier = await driver.notifier();
  const endpoint = driver.endpoint(() => new Response("ok"));
  const id = await driver.subscribe(endpoint);
  const page = Array.from({ length: 500 }, (_, n) => message(`call_page_${n}`, 1));
  await driver.bench.happen(page);
  await drain(notifier);
  await driver.bench.happen([message("call_behind", 1)]);
  await drain(notifier);
  expect(await driver.states(id)).toEqual({ delivered: 501 });
  await driver.unsubscribe(id);
}, 60_000);

test("an endpoint that repeats its secret or a number does not bring them into the delivery log", async () => {
  const notifier = await driver.notifier();
  // With digits in it that would read as part of a number, and hide the rest of the secret from who looks for one.
  const secret = `whsec_${"Ab123456Cd".repeat(4)}Abc=`;
  driver.bench.secrets.push(secret);
  const endpoint = driver.endpoint(() => new Response(`bad key ${secret} for 139 1234 5678`, { status: 400 }));
  const id = await driver.subscribe(endpoint, ["call.ended"]);
  await driver.bench.happen([message("call_echo", 1, "call.ended")]);
  await drain(notifier);
  const page = { limit: 1, before: null, state: null };
  const [kept] = await listDeliveries(driver.bench.ctx, "one", id, page);
  expect(kept?.attempts[0]).toMatchObject({ status: 400, answer: "bad key *** for ***" });
  await driver.unsubscribe(id);
}, 60_000);
