/** Which lines a call may take, in which order, and why not the others. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { orderFields } from "../../channels/contract.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { codeOf, lineOf, variants } from "./variant.ts";

let on: TestService;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({
    tickMs: 200,
    loadChannel: variants({
      real: { definition: { simulated: false } },
      other: { definition: { simulated: false } },
      seated: { definition: { simulated: false, agentKind: "seat" } },
      plain: { definition: { simulated: false, honours: () => [] } },
      able: { definition: { honours: () => orderFields } },
    }),
  });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

interface Tenant {
  key: string;
  ask(method: string, path: string, body?: unknown): ReturnType<TestService["ask"]>;
  /** The id of a new line of this kind. */
  line(provider: string, more?: Record<string, unknown>): Promise<number>;
  bind(binding: Record<string, unknown>): Promise<void>;
  explain(wish?: Record<string, unknown>): Promise<Json>;
  dial(wish?: Record<string, unknown>): ReturnType<TestService["ask"]>;
}

async function tenant(id: string): Promise<Tenant> {
  const key = await on.tenant(id);
  const ask: Tenant["ask"] = (method, path, body) =>
    on.ask(method, path, { key, ...(body === undefined ? {} : { body }) });
  return {
    key,
    ask,
    line: async (provider, line = {}) => (await lineOf(on, { key, provider, line })).id,
    async bind(binding) {
      const made = await ask("POST", "/api/v1/bindings", { userId: "u1", ...binding });
      expect(made.status).toBe(201);
    },
    explain: async (wish = {}) => (await ask("POST", "/api/v1/routes/explain", wish)).body,
    dial: (wish = {}) => ask("POST", "/api/v1/calls/dial", { customerPhone: customer(0), ...wish }),
  };
}

const reasons = (told: Json): Json[] => told.considered.map((one: Json) => one.reason);

test("lines are tried in their order; an inactive or archived one is left out, with the reason", async () => {
  const my = await tenant("order");
  const [a, b, c, d] = [await my.line("fake"), await my.line("fake"), await my.line("fake"), await my.line("fake")];
  await my.ask("PUT", `/api/v1/calls/lines/${b}`, { status: "inactive" });
  await my.ask("DELETE", `/api/v1/calls/lines/${c}`);
  const told = await my.explain();
  expect(told.candidates).toEqual([a, d]);
  expect(reasons(told)).toEqual([null, "inactive", "archived", null]);
  expect(codeOf(await my.dial({ lineId: b }))).toEqual([422, "no_line"]);
  expect(codeOf(await my.dial({ lineId: c }))).toEqual([422, "invalid"]);
});

test("a line or a channel that is not there is named as the faulty field", async () => {
  const my = await tenant("missing");
  await my.line("fake");
  const foreign = await (await tenant("missing-too")).line("fake");
  for (const lineId of [foreign, 2_147_483_647, Number.MAX_SAFE_INTEGER]) {
    const answer = await my.dial({ lineId });
    expect([...codeOf(answer), answer.body.errors[0].field]).toEqual([422, "invalid", "lineId"]);
  }
  const answer = await my.dial({ channel: "nope" });
  expect([...codeOf(answer), answer.body.errors[0].field]).toEqual([422, "invalid", "channel"]);
});

test("a channel keeps the choice within it", async () => {
  const my = await tenant("channel");
  const real = [await my.line("real"), await my.line("real")];
  const other = await my.line("other");
  expect((await my.explain({ agent: customer(0), channel: "real" })).candidates).toEqual(real);
  expect((await my.explain({ agent: customer(0), channel: "other" })).candidates).toEqual([other]);
});

test("a simulated line is used only when it is named, or there is no other", async () => {
  const my = await tenant("simulated");
  const fake = await my.line("fake");
  expect((await my.explain()).candidates).toEqual([fake]);
  const real = await my.line("real");
  const told = await my.explain({ agent: customer(0) });
  expect([told.candidates, reasons(told)]).toEqual([[real], ["simulated", null]]);
  expect((await my.explain({ lineId: fake })).candidates).toEqual([fake]);
  expect((await my.explain({ channel: "fake" })).candidates).toEqual([fake]);
  await my.ask("PUT", `/api/v1/calls/lines/${real}`, { status: "inactive" });
  expect((await my.explain({ agent: customer(0) })).candidates).toEqual([]);
});

test("nobody to ring: no_agent where phones are real", async () => {
  const my = await tenant("no-agent");
  await my.line("real");
  expect(codeOf(await my.dial())).toEqual([422, "no_agent"]);
  expect(codeOf(await my.dial({ userId: "unbound" }))).toEqual([422, "no_agent"]);
  const answer = await my.dial({ agent: "no such agent" });
  expect([...codeOf(answer), answer.body.errors[0].field]).toEqual([422, "invalid", "agent"]);
});

test("an agent is rung only where it has what the channel rings", async () => {
  const my = await tenant("seats");
  const seated = await my.line("seated");
  const real = await my.line("real");
  await my.ask("POST", "/api/v1/agents", { id: "with-seat", name: "A", seats: { seated: "8001" } });
  await my.ask("POST", "/api/v1/agents", { id: "with-phone", name: "B", phone: customer(0) });
  expect((await my.explain({ agent: "with-seat" })).candidates).toEqual([seated]);
  expect((await my.explain({ agent: "with-phone" })).candidates).toEqual([real]);
  expect((await my.explain({ agent: customer(0) })).candidates).toEqual([real]);
});

test("an agent may be named by a number: as an id where there is such an agent, as a phone elsewhere", async () => {
  const my = await tenant("numbered");
  const [seated, number] = [await my.line("seated"), "010-8888-1234"];
  expect((await my.explain({ agent: number })).candidates).toEqual([]);
  await my.ask("POST", "/api/v1/agents", { id: number, name: "A", seats: { seated: "8001" } });
  const told = await my.explain({ agent: number });
  expect([told.agent, told.candidates]).toEqual([number, [seated]]);
});

test("the agent and the customer must be two", async () => {
  const my = await tenant("two");
  await my.line("fake");
  const phone = customer(0);
  await my.ask("POST", "/api/v1/agents", { id: "a", name: "A", phone });
  for (const agent of [phone, `+86 ${phone}`, `0086${phone}`, "a"]) {
    const answer = await my.dial({ customerPhone: phone, agent });
    expect([...codeOf(answer), answer.body.errors[0].field]).toEqual([422, "invalid", "customerPhone"]);
  }
  expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 0, b: 0 });
});

test("a field that no usable line honours is refused and named", async () => {
  const my = await tenant("fields");
  await my.line("fake");
  const wish = { ivrText: "hello", mainNum: "4008001000", extNum: "12", ivrUrl: "https://example.com/a.wav" };
  for (const [field, value] of Object.entries(wish)) {
    const answer = await my.dial({ [field]: value });
    expect(codeOf(answer)).toEqual([422, "field_not_honoured"]);
    expect(answer.body.errors.map((one: Json) => one.field)).toEqual([field]);
  }
  const able = await my.line("able");
  const told = await my.explain(wish);
  expect([told.candidates, reasons(told)]).toEqual([[able], ["field_not_honoured", null]]);
  expect(codeOf(await my.dial({ callMethod: "sip" }))).toEqual([422, "no_line"]);
});

test("bound lines by priority, whatever stands between, and no others", async () => {
  const my = await tenant("bound");
  const [a, b, c] = [await my.line("real"), await my.line("other"), await my.line("real")];
  await my.ask("POST", "/api/v1/agents", { id: "anna", name: "Anna", phone: customer(0) });
  await my.bind({ agentId: "anna", priority: 1 });
  expect((await my.explain({ userId: "u1" })).candidates).toEqual([a, b, c]);
  await my.bind({ lineId: c, priority: 2 });
  await my.bind({ channel: "other", priority: 3 });
  const told = await my.explain({ userId: "u1" });
  expect([told.candidates, told.agent]).toEqual([[c, b], "anna"]);
  expect(reasons(told)).toEqual(["not_bound", null, null]);
  expect((await my.explain({ userId: "u1", lineId: a })).candidates).toEqual([a]);
  const answer = await my.dial({ userId: "u1" });
  const { body: record } = await my.ask("GET", `/api/v1/calls/${answer.body.callId}`);
  expect([record.agent, record.lineId, record.userId]).toEqual(["anna", c, "u1"]);
});

test("an agent that is named comes before the binding's", async () => {
  const my = await tenant("named");
  const [a, b] = [await my.line("real"), await my.line("real")];
  for (const id of ["anna", "bert"]) await my.ask("POST", "/api/v1/agents", { id, name: id, phone: customer(0) });
  await my.bind({ agentId: "anna", lineId: a, priority: 1 });
  await my.bind({ agentId: "bert", lineId: b, priority: 2 });
  const [anna, bert] = [await my.explain({ userId: "u1" }), await my.explain({ userId: "u1", agent: "bert" })];
  expect([anna.agent, anna.candidates, bert.agent, bert.candidates]).toEqual(["anna", [a], "bert", [b]]);
});

test("a binding's privacy binds the choice of the line, and a call may say otherwise", async () => {
  const my = await tenant("discreet");
  const plain = await my.line("plain");
  await my.bind({ lineId: plain, privacy: true });
  const asked = { userId: "u1", agent: customer(0) };
  const answer = await my.dial(asked);
  expect(codeOf(answer)).toEqual([422, "field_not_honoured"]);
  expect(answer.body.errors[0].field).toBe("privacy");
  expect((await my.dial({ ...asked, privacy: false })).status).toBe(200);
  await my.ask("PUT", "/api/v1/settings", { privacy: true });
  expect(codeOf(await my.dial({ agent: customer(0) }))).toEqual([422, "field_not_honoured"]);
  expect((await my.explain(asked)).considered[0].field).toBe("privacy");
});
