/** Several instances, stops, crashes and replays: every event once in order, under the id that it has always had. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { replayRange } from "../../src/notify/deliveries.ts";
import { updateSubscription } from "../../src/notify/subscriptions.ts";
import { type Driver, drain, minute, startDriver, versionsByCall } from "./driver.ts";
import { type Endpoint, eventually, message, startTimeoutMs } from "./start.ts";

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver();
}, startTimeoutMs);
afterAll(() => driver.stop(), startTimeoutMs);

test("several instances together send each event once, in order per call", async () => {
  const instances = [await driver.notifier(), await driver.notifier(), await driver.notifier()];
  const endpoint = driver.endpoint(() => new Response("ok"));
  const id = await driver.subscribe(endpoint);
  const calls = Array.from({ length: 60 }, (_, call) => `call_many_${call}`);
  for (const version of [1, 2, 3]) await driver.bench.happen(calls.map((call) => message(call, version)));
  await Promise.all(instances.map((notifier) => drain(notifier)));
  for (const notifier of instances) await drain(notifier);
  expect(versionsByCall(endpoint)).toEqual(new Map(calls.map((call) => [call, [1, 2, 3]])));
  expect(await driver.states(id)).toEqual({ delivered: 180 });
  await driver.unsubscribe(id);
}, 60_000);

test("10,000 replayed events keep their ids, also those that were missed", async () => {
  const notifier = await driver.notifier({ perEndpointMax: 64 });
  const from = driver.bench.clock.now();
  const endpoint = driver.endpoint();
  const id = await driver.subscribe(endpoint);
  const calls = Array.from({ length: 1_000 }, (_, call) => `call_replay_${call}`);
  for (const version of [1, 2, 3, 4, 5]) await driver.bench.happen(calls.map((call) => message(call, version)));
  await drain(notifier);
  await updateSubscription(driver.bench.ctx, driver.guard, "one", id, { active: false });
  for (const version of [6, 7, 8, 9, 10]) await driver.bench.happen(calls.map((call) => message(call, version)));
  await driver.bench.happen([message("call_replay_0", 11, "call.updated", "two")]);
  await drain(notifier);
  const told = (received: Endpoint["received"]) =>
    new Map(received.map((one) => [one.headers["webhook-id"], one.text]));
  const first = told(endpoint.received.splice(0));
  expect(first.size).toBe(5_000);
  await updateSubscription(driver.bench.ctx, driver.guard, "one", id, { active: true });
  driver.bench.clock.advance(1_000);
  const replayed = await replayRange(driver.bench.ctx, "one", id, { from, to: driver.bench.clock.now() });
  expect(replayed).toEqual({ queued: 10_000, next: null });
  await drain(notifier);
  const versions = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  expect(versionsByCall(endpoint)).toEqual(new Map(calls.map((call) => [call, versions])));
  const second = told(endpoint.received);
  expect(second.size).toBe(10_000);
  for (const [eventId, text] of first) expect(second.get(eventId)).toBe(text);
  await driver.unsubscribe(id);
}, 120_000);

test("a stop gives back what was not sent, and the next start sends it", async () => {
  const notifier = await driver.notifier({ stopWaitMs: 50 });
  const release = Promise.withResolvers<void>();
  const endpoint = driver.endpoint(async () => {
    await release.promise;
    return new Response("ok");
  });
  const id = await driver.subscribe(endpoint);
  await driver.bench.happen(Array.from({ length: 20 }, (_, call) => message(`call_stop_${call}`, 1)));
  while (await notifier.fanOut());
  await notifier.dispatch();
  await eventually(() => endpoint.open() > 0);
  await notifier.stop();
  release.resolve();
  expect(await driver.states(id)).toEqual({ pending: 20 });
  await driver.notifier();
  expect(await driver.states(id)).toEqual({ delivered: 20 });
  await driver.unsubscribe(id);
}, 60_000);

test("what an instance has taken and not sent, another one takes up; a late answer changes nothing", async () => {
  const other = await driver.notifier();
  const crashed = await driver.notifier();
  const release = Promise.withResolvers<void>();
  let hangs = true;
  const endpoint = driver.endpoint(async () => {
    if (hangs) await release.promise;
    return new Response("no", { status: hangs ? 500 : 200 });
  });
  const id = await driver.subscribe(endpoint);
  await driver.bench.happen([message("call_crash", 1), message("call_crash", 2)]);
  await crashed.fanOut();
  await eventually(() => endpoint.open() === 1);
  await drain(other);
  expect(endpoint.received).toHaveLength(1);
  hangs = false;
  driver.bench.clock.advance(minute);
  await drain(other);
  expect(versionsByCall(endpoint).get("call_crash")).toEqual([1, 1, 2]);
  hangs = true;
  release.resolve();
  await crashed.idle();
  expect(await driver.states(id)).toEqual({ delivered: 2 });
  await driver.unsubscribe(id);
}, 60_000);
