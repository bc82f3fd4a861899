/** Numbers stay in: what is shown, what is found, and what the agent's phone may display. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { CallOrder } from "../../channels/contract.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { codeOf, lineOf, variants } from "./variant.ts";

const orders = new Map<string, CallOrder>();
let on: TestService;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({
    tickMs: 200,
    loadChannel: variants({
      spied: {
        channel: (channel) => ({
          ...channel,
          place(order, signal) {
            orders.set(order.callId, order);
            return channel.place(order, signal);
          },
        }),
      },
    }),
  });
  await lineOf(on, { provider: "spied", config: { speed: 200 }, line: { callerNumber: "400 888 9999" } });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const masked = (phone: string): string => `${phone.slice(0, 3)}****${phone.slice(-4)}`;
const search = async (phone: string, key = on.key): Promise<Json[]> =>
  (await on.ask("POST", "/api/v1/calls/search", { key, body: { phone } })).body.calls;

test("nothing that is read holds a number; the record shows both masked", async () => {
  const [phone, agent] = [customer(0), customer(0)];
  const note = { note: `call back ${phone}` };
  const answer = await on.dial({ customerPhone: phone, agent, bizId: "biz-1", customerName: "王 小明", bizData: note });
  const { callId } = answer.body;
  const record = await on.ended(callId);
  expect([record.caller, record.called, record.callerNumber]).toEqual([masked(agent), masked(phone), "40****99"]);
  expect([record.customerName, record.bizData]).toEqual(["王 小明", note]);
  const body = { phone };
  const read = await Promise.all([
    on.ask("GET", `/api/v1/calls/${callId}/events`),
    on.ask("GET", `/api/v1/calls/${callId}/route`),
    on.ask("GET", `/api/v1/calls/${callId}/status`),
    on.ask("GET", "/api/v1/health/callback-log"),
    on.ask("POST", "/api/v1/calls/hangup", { body: { callId } }),
  ]);
  const listed = await on.ask("GET", "/api/v1/calls?bizId=biz-1");
  const found = await on.ask("POST", "/api/v1/calls/search", { body });
  expect([listed.body.calls.length, found.body.calls.length]).toEqual([1, 1]);
  const texts = [answer.text, ...read.map((one) => one.text), JSON.stringify({ ...record, bizData: null })];
  for (const one of [listed, found]) texts.push(JSON.stringify({ ...one.body.calls[0], bizData: null }));
  for (const number of [phone, agent, "8889999"]) for (const text of texts) expect(text).not.toContain(number);
});

test("refusals repeat no number, whatever is wrong with the request", async () => {
  const [phone, agent] = [customer(0), customer(0)];
  const texts: string[] = [];
  for (const body of [
    { customerPhone: `${phone}999999` },
    { customerPhone: `x${phone}` },
    { customerPhone: phone, agent: phone },
    { customerPhone: phone, agent: `x ${agent}` },
    { customerPhone: phone, displayNumber: `${agent}12345` },
    { customerPhone: [phone] },
    { customerPhone: phone, ivrText: phone },
    { customerPhone: phone, channel: phone },
    { customerPhone: phone, [agent]: 1 },
  ]) {
    const answer = await on.dial(body);
    expect(answer.status).toBe(422);
    texts.push(answer.text);
  }
  texts.push((await on.ask("POST", "/api/v1/calls/search", { body: { phone: `${phone}x` } })).text);
  for (const text of texts) for (const number of [phone, agent]) expect(text).not.toContain(number);
});

test("the full number finds its calls in any written form, from either leg; another tenant finds none", async () => {
  const [phone, agent] = [customer(0), customer(0)];
  const { callId } = (await on.dial({ customerPhone: `+86 ${phone}`, agent })).body;
  const grouped = `${phone.slice(0, 3)} ${phone.slice(3, 7)}-${phone.slice(7)}`;
  for (const form of [phone, `+86${phone}`, `0086 ${phone}`, grouped, `(+86) ${grouped}`])
    expect((await search(form)).map((one) => one.callId)).toEqual([callId]);
  expect((await search(agent)).map((one) => one.callId)).toEqual([callId]);
  expect(await search(phone.slice(0, -1).concat("7"))).toEqual([]);
  const stranger = await on.tenant("stranger");
  expect(await search(phone, stranger)).toEqual([]);
  const part = await on.ask("POST", "/api/v1/calls/search", { body: { phone: masked(phone) } });
  expect([...codeOf(part), part.body.errors[0].field]).toEqual([422, "invalid", "phone"]);
  await on.ended(callId);
});

test("a number never stands in an address", async () => {
  const answer = await on.ask("GET", "/api/v1/calls?phone=10086");
  expect([...codeOf(answer), answer.body.errors[0].field]).toEqual([422, "invalid", "phone"]);
});

test("two tenants' hashes of one number differ", async () => {
  const phone = customer(0);
  const key = await on.tenant("same-customer");
  await on.line("theirs", {}, key);
  await on.dial({ customerPhone: phone });
  await on.ask("POST", "/api/v1/calls/dial", { key, body: { customerPhone: phone } });
  expect([(await search(phone)).length, (await search(phone, key)).length]).toEqual([1, 1]);
  const { seal } = on.service.calls;
  expect(seal.index("default", "phone", phone)).not.toBe(seal.index("same-customer", "phone", phone));
});

test("privacy: the call says, else the binding, else the tenant; and it reaches the provider", async () => {
  await on.ask("POST", "/api/v1/bindings", { body: { userId: "discreet", channel: "spied", privacy: true } });
  await on.ask("POST", "/api/v1/bindings", { body: { userId: "open", channel: "spied", privacy: false } });
  const privacyOf = async (body: Record<string, unknown>): Promise<Json> => {
    const { callId } = (await on.dial({ customerPhone: customer(0), ...body })).body;
    const far = on.far.calls.find((one) => one.order.callRef === callId);
    const { body: record } = await on.ask("GET", `/api/v1/calls/${callId}`);
    expect([orders.get(callId)?.privacy, far?.order.privacy]).toEqual([record.privacy, record.privacy]);
    return record.privacy;
  };
  const table: [body: Record<string, unknown>, byDefault: boolean, bySetting: boolean][] = [
    [{}, false, true],
    [{ privacy: true }, true, true],
    [{ privacy: false }, false, false],
    [{ userId: "discreet" }, true, true],
    [{ userId: "discreet", privacy: false }, false, false],
    [{ userId: "open" }, false, false],
    [{ userId: "open", privacy: true }, true, true],
  ];
  for (const [body, byDefault] of table) expect([body, await privacyOf(body)]).toEqual([body, byDefault]);
  await on.ask("PUT", "/api/v1/settings", { body: { privacy: true } });
  for (const [body, , bySetting] of table) expect([body, await privacyOf(body)]).toEqual([body, bySetting]);
  await on.ask("PUT", "/api/v1/settings", { body: { privacy: null } });
});

test("the tenant's settings are the call's terms where it says nothing", async () => {
  const settings = { record: true, ringTimeoutSeconds: 7, maxDurationSeconds: 90 };
  await on.ask("PUT", "/api/v1/settings", { body: settings });
  const termsOf = async (body: Record<string, unknown>): Promise<Json> => {
    const { callId } = (await on.dial({ customerPhone: customer(0), ...body })).body;
    const order = orders.get(callId);
    return [order?.record, order?.ringTimeoutSeconds, order?.maxDurationSeconds];
  };
  expect(await termsOf({})).toEqual([true, 7, 90]);
  expect(await termsOf({ record: false, ringTimeout: 9, maxDuration: 120 })).toEqual([false, 9, 120]);
});

test("what lies in the database holds no number, and no name or data of a customer", async () => {
  const [phone, secret] = [customer(0), "a very particular note"];
  const body = { customerPhone: phone, customerName: "Particular Name", bizData: { secret, phone } };
  const key = { "idempotency-key": `dial-${phone}-once` };
  const { callId } = (await on.dial(body, key)).body;
  expect((await on.dial(body, key)).body.callId).toBe(callId);
  await on.ended(callId);
  const dump = await on.database.dump();
  for (const text of [phone, `+86${phone}`, secret, "Particular Name"]) {
    expect([dump.includes(text), dump.includes(Buffer.from(text).toString("base64"))]).toEqual([false, false]);
  }
});
