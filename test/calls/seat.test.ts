/** A person has one ear: one call at a time for each agent, and free again once it is over. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { codeOf, endOf, lineOf } from "./variant.ts";

let on: TestService;
let lineId: number;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 100 });
  lineId = (await lineOf(on)).id;
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const hangup = (callId: string) => on.ask("POST", "/api/v1/calls/hangup", { body: { callId } });

/** A call that lasts until it is hung up. */
async function longCall(agent: string): Promise<string> {
  const phone = customer(0);
  on.far.script(`+86${phone}`, { talkSeconds: 3_000 });
  const answer = await on.dial({ customerPhone: phone, agent, lineId });
  expect(answer.status).toBe(200);
  return answer.body.callId;
}

test("an agent in a call is busy, and the answer names the call", async () => {
  const agent = customer(0);
  const callId = await longCall(agent);
  const phone = customer(0);
  const answer = await on.dial({ customerPhone: phone, agent });
  expect([...codeOf(answer), answer.body.runningCallId]).toEqual([409, "agent_busy", callId]);
  expect((await on.dial({ customerPhone: customer(0), agent: customer(0) })).status).toBe(200);
  await hangup(callId);
  await on.ended(callId);
  expect((await on.dial({ customerPhone: phone, agent })).status).toBe(200);
  expect(on.far.calls.filter((call) => call.order.customer === `+86${phone}`)).toHaveLength(1);
});

test("thirty at once for one agent are one call", async () => {
  const agent = customer(0);
  const phones = Array.from({ length: 30 }, () => customer(0));
  for (const phone of phones) on.far.script(`+86${phone}`, { talkSeconds: 3_000 });
  const answers = await Promise.all(phones.map((customerPhone) => on.dial({ customerPhone, agent })));
  const placed = answers.filter((one) => one.status === 200);
  expect(placed).toHaveLength(1);
  const busy = answers.filter((one) => one.status === 409);
  expect(busy.map((one) => one.body.runningCallId)).toEqual(Array(29).fill(placed[0]?.body.callId));
  expect(on.far.calls.filter((call) => call.order.agent === `+86${agent}`)).toHaveLength(1);
  const { body } = await on.ask("POST", "/api/v1/calls/search", { body: { phone: agent } });
  expect(body.calls).toHaveLength(1);
  await hangup(placed[0]?.body.callId);
});

for (const digit of [0, 1, 2, 3, 4, 5, 6, 8, 9]) {
  test(`free after ending ${digit}`, async () => {
    const agent = customer(0);
    const first = await on.dial({ customerPhone: customer(digit), agent, lineId });
    await on.ended(first.body.callId);
    const second = await on.dial({ customerPhone: customer(0), agent, lineId });
    expect(second.status).toBe(200);
    await on.ended(second.body.callId);
  });
}

test("free after a call that nobody heard of again", async () => {
  const [agent, phone] = [customer(0), customer(0)];
  on.far.script(`+86${phone}`, { silentAfterRinging: true });
  const { callId } = (await on.dial({ customerPhone: phone, agent, lineId, ringTimeout: 5 })).body;
  await on.until(callId, (status) => status.status === "ringing");
  expect(codeOf(await on.dial({ customerPhone: customer(0), agent }))).toEqual([409, "agent_busy"]);
  on.clock.advance(2 * 5_000 + 120_000);
  expect(endOf(await on.ended(callId))).toEqual(["failed", 255, "TIMEOUT"]);
  expect((await on.dial({ customerPhone: customer(0), agent })).status).toBe(200);
});

test("held through a long talk, past the end of a call that nobody answers", async () => {
  const agent = customer(0);
  const callId = await longCall(agent);
  await on.until(callId, (status) => status.status === "connected");
  on.clock.advance(1_800_000);
  expect(codeOf(await on.dial({ customerPhone: customer(0), agent }))).toEqual([409, "agent_busy"]);
  await hangup(callId);
  expect((await on.ended(callId)).duration).toBeGreaterThanOrEqual(1_800);
});

test("one person by id, by number in any form, and by a binding is one seat", async () => {
  const phone = customer(0);
  await on.ask("POST", "/api/v1/agents", { body: { id: "anna", name: "Anna", phone } });
  await on.ask("POST", "/api/v1/bindings", { body: { userId: "u1", agentId: "anna" } });
  const callId = await longCall("anna");
  for (const who of [{ agent: phone }, { agent: `+86 ${phone}` }, { agent: "anna" }, { userId: "u1" }]) {
    const answer = await on.dial({ customerPhone: customer(0), ...who });
    expect([...codeOf(answer), answer.body.runningCallId]).toEqual([409, "agent_busy", callId]);
  }
  const key = await on.tenant("elsewhere");
  await on.line("theirs", {}, key);
  const body = { customerPhone: customer(0), agent: phone };
  expect((await on.ask("POST", "/api/v1/calls/dial", { key, body })).status).toBe(200);
  await hangup(callId);
});

test("an agent that a demo line makes up is never busy", async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => on.dial({ customerPhone: customer(0) })));
  expect(answers.map((one) => one.status)).toEqual(Array(10).fill(200));
});
