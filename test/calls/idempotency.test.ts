/** One key, one call: however often, however quickly, and whatever has become of the call since. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Answer, customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { codeOf, lineOf } from "./variant.ts";

let on: TestService;
let lineId: number;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 200 });
  lineId = (await lineOf(on, { config: { speed: 200 } })).id;
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

let keys = 0;
const newKey = (): string => `order-${keys++}`;
const dial = (key: string, body: Record<string, unknown>): Promise<Answer> => on.dial(body, { "idempotency-key": key });
const replayed = (answer: Answer): string | null => answer.headers.get("idempotency-replayed");

test("the same request again is the same call, and rings once", async () => {
  const [key, phone] = [newKey(), customer(0)];
  const body = { customerPhone: phone, agent: customer(0), orderId: "4711", bizData: { a: [1, { b: null }] } };
  const first = await dial(key, body);
  const again = await dial(key, body);
  expect([first.status, replayed(first)]).toEqual([200, null]);
  expect([again.body.callId, replayed(again)]).toEqual([first.body.callId, "true"]);
  expect((await on.ended(first.body.callId)).status).toBe("ended");
  expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 1, b: 1 });
});

test("a replay tells what is true now", async () => {
  const [key, body] = [newKey(), { customerPhone: customer(0), agent: customer(0) }];
  const { callId } = (await dial(key, body)).body;
  await on.ended(callId);
  const again = await dial(key, body);
  expect([again.status, again.body.callId, again.body.status]).toEqual([200, callId, "ended"]);
});

test("a replay of a call that every line refused says so, and that it is a replay", async () => {
  const [key, body] = [newKey(), { customerPhone: customer(6), agent: customer(0), lineId }];
  const first = await dial(key, body);
  const again = await dial(key, body);
  expect([codeOf(first), replayed(first)]).toEqual([[503, "no_line_left"], null]);
  expect([...codeOf(again), again.body.callId]).toEqual([503, "no_line_left", first.body.callId]);
  expect(replayed(again)).toBe("true");
  expect(on.far.requests["POST /v1/calls"]).toBeGreaterThan(0);
});

test("twenty at once are one call", async () => {
  const [key, phone] = [newKey(), customer(0)];
  const body = { customerPhone: phone, agent: customer(0) };
  const answers = await Promise.all(Array.from({ length: 20 }, () => dial(key, body)));
  expect(new Set(answers.map((one) => one.body.callId)).size).toBe(1);
  expect(answers.every((one) => one.status === 200 || one.status === 202)).toBe(true);
  expect(answers.filter((one) => replayed(one) === null)).toHaveLength(1);
  await on.ended(answers[0]?.body.callId);
  expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 1, b: 1 });
});

test("twenty different ones at once with one key are one call and nineteen conflicts", async () => {
  const key = newKey();
  const phones = Array.from({ length: 20 }, () => customer(0));
  const answers = await Promise.all(phones.map((customerPhone) => dial(key, { customerPhone, agent: customer(0) })));
  expect(answers.filter((one) => one.status === 409)).toHaveLength(19);
  const [won] = answers.filter((one) => one.status !== 409);
  await on.ended(won?.body.callId);
  const rang = phones.filter((phone) => on.far.ringsOf(`+86${phone}`).b > 0);
  expect(rang).toHaveLength(1);
});

test("another request with the same key is refused by the names of the fields, never their values", async () => {
  const [key, agent] = [newKey(), customer(0)];
  const body = { customerPhone: customer(0), agent, orderId: "order-one", record: true };
  await dial(key, body);
  const [other, { record: _, ...without }] = [customer(0), body];
  for (const [changed, fields] of [
    [{ ...body, customerPhone: other, orderId: "order-two" }, ["customerPhone", "orderId"]],
    [{ ...body, bizData: { secret: "hush" } }, ["bizData"]],
    [without, ["record"]],
    [{ ...body, placeWithin: 31 }, ["placeWithin"]],
  ] as const) {
    const answer = await dial(key, changed);
    expect(codeOf(answer)).toEqual([409, "idempotency_conflict"]);
    expect(answer.body.errors.map((one: { field: string }) => one.field)).toEqual([...fields]);
    for (const value of [other, "order-two", "order-one", "hush"]) expect(answer.text).not.toContain(value);
  }
});

test("a key is a tenant's own", async () => {
  const key = newKey();
  const other = await on.tenant("next-door");
  await on.line("theirs", {}, other);
  const body = { customerPhone: customer(0) };
  const mine = await dial(key, body);
  const theirs = await on.ask("POST", "/api/v1/calls/dial", { key: other, body, headers: { "idempotency-key": key } });
  expect([mine.status, theirs.status, replayed(theirs)]).toEqual([200, 200, null]);
  expect(theirs.body.callId).not.toBe(mine.body.callId);
});

test("a refusal does not use the key up", async () => {
  const agent = customer(0);
  const { callId } = (await on.dial({ customerPhone: customer(0), agent })).body;
  const [key, body] = [newKey(), { customerPhone: customer(0), agent }];
  expect(codeOf(await dial(key, body))).toEqual([409, "agent_busy"]);
  await on.ended(callId);
  const answer = await dial(key, body);
  expect([answer.status, replayed(answer)]).toEqual([200, null]);
  const invalid = newKey();
  expect((await dial(invalid, { customerPhone: "12" })).status).toBe(422);
  expect((await dial(invalid, { customerPhone: customer(0) })).status).toBe(200);
});

test("a key that cannot be one is refused", async () => {
  for (const key of ["with space", "x".repeat(256), "", "schlüssel"]) {
    const answer = await dial(key, { customerPhone: customer(0) });
    expect([...codeOf(answer), answer.body.errors[0].field]).toEqual([422, "invalid", "idempotency-key"]);
  }
});

test("keys hold for seven days", async () => {
  const [key, body] = [newKey(), { customerPhone: customer(0), agent: customer(0) }];
  const { callId } = (await dial(key, body)).body;
  await on.ended(callId);
  on.clock.advance(7 * 86_400_000);
  expect((await dial(key, body)).body.callId).toBe(callId);
});
