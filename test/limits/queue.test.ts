/** Calls that wait for a line: the oldest first, as long as the tenant wants to wait. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { type TestTenant, tenantOf, toldOf } from "./tenant.ts";

let on: TestService;
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 100 });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const queue = { whenLimited: "queue", queueSeconds: 300 };
const placed = (tenant: TestTenant, callId: string) =>
  on.until(callId, () => true, tenant.key).then(({ lineId }) => lineId !== null);
const untilPlaced = (tenant: TestTenant, callId: string) =>
  on.until(callId, ({ status }) => status === "ringing" || status === "connected", tenant.key);

test("waits as pending, and is placed when there is room, the oldest first", async () => {
  const tenant = await tenantOf(on, queue);
  const { id } = await tenant.line({ line: { maxConcurrent: 1 } });
  const running = [await tenant.longCall()];
  const waiting: string[] = [];
  for (let n = 0; n < 3; n++) {
    const phone = customer(0);
    on.far.script(`+86${phone}`, { talkSeconds: 300_000 });
    const answer = await tenant.dial({ customerPhone: phone, maxDuration: 14_400 });
    expect([answer.status, answer.body.status]).toEqual([202, "calling"]);
    const record = await tenant.record(answer.body.callId);
    expect([record.status, record.state, record.lineId]).toEqual(["pending", "init", null]);
    waiting.push(answer.body.callId);
  }
  for (const [index, callId] of waiting.entries()) {
    for (const later of waiting.slice(index)) expect(await placed(tenant, later)).toBe(false);
    await tenant.hangup(running.pop() ?? "");
    const record = await untilPlaced(tenant, callId);
    expect(record.lineId).toBe(id);
    running.push(callId);
  }
  const order = on.far.calls.map((call) => call.order.callRef).filter((callId) => waiting.includes(callId));
  expect(order).toEqual(waiting);
});

test("another line with room is taken before anybody waits", async () => {
  const tenant = await tenantOf(on, queue);
  await tenant.line({ line: { maxConcurrent: 1 } });
  await tenant.line();
  expect(
    new Set([
      (await tenant.record(await tenant.longCall())).lineId,
      (await tenant.record(await tenant.longCall())).lineId,
    ]).size,
  ).toBe(2);
});

test("ends when its time is over, and its agent is free", async () => {
  const tenant = await tenantOf(on, { ...queue, queueSeconds: 20 });
  await tenant.line({ line: { maxConcurrent: 1 } });
  await tenant.longCall();
  const agent = customer(0);
  const { callId } = (await tenant.dial({ customerPhone: customer(0), agent })).body;
  expect(toldOf(await tenant.dial({ customerPhone: customer(0), agent }))).toEqual([409, "agent_busy"]);
  on.clock.advance(20_000);
  const record = await tenant.ended(callId);
  expect([record.status, record.closeType, record.hangupCause]).toEqual(["failed", 255, "TIMEOUT"]);
  expect((await tenant.dial({ customerPhone: customer(0), agent })).status).toBe(202);
});

test("ends at once when the app hangs up", async () => {
  const tenant = await tenantOf(on, queue);
  await tenant.line({ line: { maxConcurrent: 1 } });
  const running = await tenant.longCall();
  const agent = customer(0);
  const { callId } = (await tenant.dial({ customerPhone: customer(0), agent })).body;
  await tenant.hangup(callId);
  const record = await tenant.record(callId);
  expect([record.status, record.closeType, record.hangupCause]).toEqual(["missed", 0, "NORMAL_CLEARING"]);
  await tenant.hangup(running);
  expect((await tenant.dial({ customerPhone: customer(0), agent })).status).toBe(200);
  expect((await tenant.record(callId)).lineId).toBeNull();
});

test("for a rate or an agent's limit too", async () => {
  const tenant = await tenantOf(on, { ...queue, agentPerSecond: 1 });
  await tenant.line();
  const agent = customer(0);
  const first = await tenant.dial({ customerPhone: customer(3), agent });
  await tenant.ended(first.body.callId);
  const second = await tenant.dial({ customerPhone: customer(3), agent });
  expect(second.status).toBe(202);
  on.clock.advance(1_100);
  expect((await tenant.ended(second.body.callId)).status).toBe("busy");
});

test("a hundred that wait for a full line hold up nobody who waits for another", async () => {
  const [crowd, one] = [await tenantOf(on, queue), await tenantOf(on, queue)];
  for (const tenant of [crowd, one]) await tenant.line({ line: { maxConcurrent: 1 } });
  await crowd.longCall();
  const running = await one.longCall();
  const answers = await Promise.all(Array.from({ length: 100 }, () => crowd.dial({ customerPhone: customer(0) })));
  expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(202));
  const { callId } = (await one.dial({ customerPhone: customer(0) })).body;
  await one.hangup(running);
  expect((await one.ended(callId)).status).toBe("ended");
});

test("what its key stands for is the waiting call", async () => {
  const tenant = await tenantOf(on, queue);
  await tenant.line({ line: { maxConcurrent: 1 } });
  await tenant.longCall();
  const wish = { customerPhone: customer(0), agent: customer(0) };
  const first = await tenant.dial(wish, { "idempotency-key": "k" });
  const again = await tenant.dial(wish, { "idempotency-key": "k" });
  expect([again.status, again.body.callId, again.headers.get("idempotency-replayed")]).toEqual([
    202,
    first.body.callId,
    "true",
  ]);
});
