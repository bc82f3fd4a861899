/** A customer is called from the number that they know, where a line that shows it can take the call. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { lineOf, variants } from "../calls/variant.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";

let on: TestService;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  const loadChannel = variants({ real: { definition: { simulated: false } } });
  on = await startTestService({ loadChannel });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const agent = customer(0);
const shownNumbers = ["950010001", "950010002", "950010003"];

async function threeLines(tenant: string) {
  const key = await on.tenant(tenant);
  const lines: number[] = [];
  for (const callerNumber of shownNumbers)
    lines.push((await lineOf(on, { key, provider: "real", line: { callerNumber } })).id);
  const ask = async (path: string, body: Json): Promise<Json> =>
    (await on.ask("POST", path, { key, body: { agent, ...body } })).body;
  return {
    key,
    lines: lines as [number, number, number],
    explain: (wish: Json): Promise<Json> => ask("/api/v1/routes/explain", wish),
    /** Over this line, to its end. */
    async call(customerPhone: string, lineId: number): Promise<void> {
      const { callId } = await ask("/api/v1/calls/dial", { customerPhone, lineId });
      for (let version = 0, state = "init"; state !== "close"; ) {
        await on.ask("GET", `/api/v1/calls/${callId}/status?wait=2&version=${version}`, { key });
        ({ version, state } = (await on.ask("GET", `/api/v1/calls/${callId}`, { key })).body);
      }
    },
  };
}

test("the number that rang last is kept, and only for whoever it rang", async () => {
  const my = await threeLines("kept");
  const [a, b, c] = my.lines;
  const customerPhone = customer(2);
  expect((await my.explain({ customerPhone })).candidates).toEqual([a, b, c]);
  await my.call(customerPhone, c);
  const told = await my.explain({ customerPhone: `+86 ${customerPhone}` });
  expect(told.candidates).toEqual([c, a, b]);
  expect(told.considered.map((one: Json) => one.keepsNumber ?? false)).toEqual([false, false, true]);
  expect((await my.explain({ customerPhone: customer(2) })).candidates).toEqual([a, b, c]);
  expect((await my.explain({})).candidates).toEqual([a, b, c]);
  // Whichever line takes it, the customer sees the number that the request names.
  expect((await my.explain({ customerPhone, displayNumber: shownNumbers[0] })).candidates).toEqual([a, b, c]);
  await my.call(customerPhone, b);
  expect((await my.explain({ customerPhone })).candidates).toEqual([b, a, c]);
  // And a dial goes where the explanation said.
  const dialed = await on.ask("POST", "/api/v1/calls/dial", { key: my.key, body: { agent, customerPhone } });
  const route = (await on.ask("GET", `/api/v1/calls/${dialed.body.callId}/route`, { key: my.key })).body;
  expect([route.candidates, route.others]).toEqual([[b, a, c], []]);
  expect(route.considered.map((one: Json) => one.keepsNumber ?? false)).toEqual([false, true, false]);
});

test("a number that never rang is not known, nor is another tenant's", async () => {
  const my = await threeLines("unheard");
  const [a, b, c] = my.lines;
  const [answers, noAgent] = [customer(0), customer(1)];
  // The agent does not answer: the customer's phone is never rung.
  await my.call(noAgent, c);
  expect((await my.explain({ customerPhone: noAgent })).candidates).toEqual([a, b, c]);
  await my.call(answers, c);
  expect((await my.explain({ customerPhone: answers })).candidates).toEqual([c, a, b]);
  const theirs = await threeLines("foreign");
  expect((await theirs.explain({ customerPhone: answers })).candidates).toEqual(theirs.lines);
});

test("the line's number is what counts, not the line", async () => {
  const my = await threeLines("moved");
  const [a, b, c] = my.lines;
  const customerPhone = customer(0);
  await my.call(customerPhone, c);
  const change = (id: number, callerNumber: string | null) =>
    on.ask("PUT", `/api/v1/calls/lines/${id}`, { key: my.key, body: { callerNumber } });
  await change(b, shownNumbers[2] as string);
  expect((await my.explain({ customerPhone })).candidates).toEqual([b, c, a]);
  await change(c, null);
  expect((await my.explain({ customerPhone })).candidates).toEqual([b, a, c]);
});

test("a number is forgotten after 90 days", async () => {
  const my = await threeLines("forgotten");
  const [a, b, c] = my.lines;
  const customerPhone = customer(0);
  await my.call(customerPhone, c);
  on.clock.advance(89 * 86_400_000);
  expect((await my.explain({ customerPhone })).candidates).toEqual([c, a, b]);
  on.clock.advance(2 * 86_400_000);
  expect((await my.explain({ customerPhone })).candidates).toEqual([a, b, c]);
});

test("a customer's number that cannot be dialed is refused in an explanation as in a dial", async () => {
  const my = await threeLines("wrong");
  const told = await my.explain({ customerPhone: "12" + "x" });
  expect([told.code, told.errors[0].field]).toEqual(["invalid", "customerPhone"]);
});
