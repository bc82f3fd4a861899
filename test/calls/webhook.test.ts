/** The providers' door: who may push, and what becomes of what they push. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { stamped } from "../../channels/fake/far/door.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { handled, lineOf, push, type TestLine, withCdr } from "./variant.ts";

let on: TestService;
let line: TestLine;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 200 });
  line = await lineOf(on);
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const callbackLog = async (key = on.key): Promise<Json> =>
  (await on.ask("GET", "/api/v1/health/callback-log", { key })).body;

const sent = async (url: string, body: string, headers: Record<string, string> = {}): Promise<number> => {
  const response = await fetch(url, { method: "POST", headers, body });
  const told = (await response.json()) as Json;
  expect([told.code, response.headers.get("content-type")]).toEqual(["unauthorized", "application/problem+json"]);
  return response.status;
};

test("a push that proves nothing is 401, counted, and stored nowhere", async () => {
  const before = await callbackLog();
  const body = JSON.stringify({ type: "event" });
  const now = on.clock.now().getTime();
  const right = (time: number, text: string) => stamped(line.secret, randomUUID(), time, text);
  const other = await lineOf(on);
  const tries: [url: string, headers: Record<string, string>][] = [
    [line.webhookUrl, {}],
    [line.webhookUrl, stamped("not the secret", randomUUID(), now, body)],
    [line.webhookUrl, stamped(other.secret, randomUUID(), now, body)],
    [line.webhookUrl, right(now - 301_000, body)],
    [line.webhookUrl, right(now + 301_000, body)],
    [line.webhookUrl, right(now, `${body} `)],
    [line.webhookUrl, { ...right(now, body), "x-fake-signature": "" }],
    [line.webhookUrl, { ...right(now, body), "x-fake-time": "NaN" }],
    [line.webhookUrl.replace(/wh_.*/, `wh_${"a".repeat(32)}`), right(now, body)],
    [line.webhookUrl.replace("/fake/", "/nope/"), right(now, body)],
    [line.webhookUrl.replace(/wh_.*/, "status"), right(now, body)],
    [line.webhookUrl.replace(/\/wh_.*/, ""), right(now, body)],
    [line.webhookUrl.replace(/wh_.*/, "wh_x%00"), right(now, body)],
  ];
  for (const [url, headers] of tries) expect([url, await sent(url, body, headers)]).toEqual([url, 401]);
  const after = await callbackLog();
  const counted = ({ refused }: Json): number => refused.count + refused.unaddressed;
  expect(counted(after) - counted(before)).toBe(tries.length);
  expect(after.refused.last.length).toBeLessThanOrEqual(20);
  expect(Object.keys(after.refused.last[0]).sort()).toEqual(["address", "at", "channel", "reason"]);
  expect(after.handled.deliveries).toBe(before.handled.deliveries);
});

test("a right signature over nonsense is kept, answered, and shown as malformed", async () => {
  const deep = "[".repeat(50_000) + "]".repeat(50_000);
  const nonsense = [
    "",
    "nonsense",
    "\u0000\uffff",
    "{}",
    "[[]]",
    '{"type":5}',
    '{"type":"event","callId":5}',
    '{"type":"cdr"}',
    '{"type":"event","__proto__":{"leg":"a"}}',
    deep,
    `[${deep}]`,
    JSON.stringify("x".repeat(100_000)),
  ];
  const before = await callbackLog();
  for (const body of nonsense) {
    const answer = await push(on, line, body);
    expect([body.slice(0, 30), answer.status, await answer.text()]).toEqual([body.slice(0, 30), 200, '{"ok":true}']);
  }
  const log = await handled(on, before.handled.deliveries + nonsense.length);
  expect(log.parked.malformed - (before.parked.malformed ?? 0)).toBe(nonsense.length);
  expect(log.recentlyParked[0]).toMatchObject({ reason: "malformed", nextTry: null });
});

test("an empty list is answered, and there is nothing to keep", async () => {
  expect((await push(on, line, "[]")).status).toBe(200);
});

test("more than 1 MiB is 413", async () => {
  const answer = await push(on, line, "x".repeat(1024 * 1024 + 1));
  expect([answer.status, ((await answer.json()) as Json).code]).toEqual([413, "too_large"]);
  expect((await push(on, line, "x".repeat(1024 * 1024))).status).toBe(200);
});

const event = (more: Json): Json => ({
  type: "event",
  callId: "fk-unknown",
  callRef: "call_nope",
  attempt: 1,
  event: "ringing",
  leg: "a",
  time: on.clock.now().toISOString(),
  code: null,
  ...more,
});

test("news that the database cannot hold is set aside alone; what came with it is handled", async () => {
  const phone = customer(0);
  on.far.script(`+86${phone}`, { talkSeconds: 3_000 });
  const { callId } = (await on.dial({ customerPhone: phone, lineId: line.id })).body;
  await on.until(callId, (status) => status.status === "connected");
  const names = { callRef: callId, callId: on.far.calls.find((call) => call.order.callRef === callId)?.callId };
  const before = await callbackLog();
  const bad = [
    event({ ...names, time: "0000-01-01T00:00:00Z" }),
    event({ callRef: "call_\u0000", callId: "fk-\u0000" }),
    event({ callRef: "call_\ud800", callId: "\ud800" }),
    event({ ...names, attempt: 9_007_199_254_740_991 }),
  ];
  const invented = event({ ...names, event: "invented-word" });
  expect((await push(on, line, JSON.stringify([...bad, invented, ...bad]))).status).toBe(200);
  const log = await handled(on, before.handled.deliveries + 9);
  expect(log.handled.unrecognized).toBe(before.handled.unrecognized + 1);
  const { body } = await on.ask("GET", `/api/v1/calls/${callId}`);
  expect([body.status, body.doubled]).toEqual(["connected", false]);
  await on.ask("POST", "/api/v1/calls/hangup", { body: { callId } });
  expect((await on.ended(callId)).status).toBe("ended");
});

test("numbers a provider writes with fractions, or with too many digits, do not cost the rest of its CDR", async () => {
  const { callId } = (await on.dial({ customerPhone: customer(0), lineId: line.id })).body;
  const record = await withCdr(on, callId);
  const far = on.far.calls.find((call) => call.order.callRef === callId);
  const [none, endedAt] = [{ calledAt: null, rangAt: null, answeredAt: null }, record.endTime];
  const names = { type: "cdr", callId: far?.callId, callRef: callId, attempt: 1, state: "hangup", endedAt };
  const recording = { ref: "rec-1", seconds: 12.6, bytes: 4_000_000_000 };
  await push(on, line, JSON.stringify({ ...names, a: none, b: none, code: "completed", recording }));
  const told = await on.until(callId, (status) => status.version > record.version);
  expect([told.recordingDuration, told.recordingSize, told.hasRecording]).toEqual([13, 4_000_000_000, true]);
});

test("another account's and another tenant's calls cannot be spoken of", async () => {
  const { callId } = (await on.dial({ customerPhone: customer(0), lineId: line.id })).body;
  const record = await on.ended(callId);
  const stranger = await on.tenant("stranger");
  const theirs = await lineOf(on, { key: stranger });
  const mine = await lineOf(on);
  const far = on.far.calls.find((call) => call.order.callRef === callId);
  const lie = event({
    callRef: callId,
    callId: far?.callId,
    event: "answered",
    leg: "b",
    time: "2020-01-01T00:00:00Z",
  });
  const before = (await callbackLog()).handled.deliveries;
  for (const liar of [theirs, mine]) expect((await push(on, liar, JSON.stringify(lie))).status).toBe(200);
  await handled(on, before + 2);
  const { body } = await on.ask("GET", `/api/v1/calls/${callId}`);
  expect([body.connTime, body.duration]).toEqual([record.connTime, record.duration]);
  const seen = await callbackLog(stranger);
  expect(seen.parked).toEqual({ unmatched: 1 });
});

test("a push is answered alike whichever way it comes: with a length, in pieces, or with a query", async () => {
  const body = JSON.stringify({ type: "event" });
  const pieces = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from(body.slice(0, 5)));
        controller.enqueue(Buffer.from(body.slice(5)));
        controller.close();
      },
    });
  const signed = (): Record<string, string> => stamped(line.secret, randomUUID(), on.clock.now().getTime(), body);
  const stranger = line.webhookUrl.replace(/wh_.*/, `wh_${"b".repeat(32)}`);
  const cases: [name: string, url: string, headers: () => Record<string, string>, status: number][] = [
    ["accepted", line.webhookUrl, signed, 200],
    ["of a kind", `${line.webhookUrl}/status`, signed, 200],
    ["not signed", line.webhookUrl, () => ({}), 401],
    ["to nobody", stranger, signed, 401],
  ];
  for (const [name, url, headers, status] of cases) {
    const answers = [];
    for (const [to, content] of [
      [url, body],
      [url, pieces()],
      [`${url}?more=1`, body],
    ] as const) {
      const asked = { ...headers(), "content-type": "application/json", "x-request-id": "req-of-mine" };
      const answer = await fetch(to, { method: "POST", headers: asked, body: content });
      const told = new Map(answer.headers);
      for (const own of ["date", "content-length"]) told.delete(own);
      answers.push({ status: answer.status, headers: Object.fromEntries([...told].sort()), body: await answer.text() });
    }
    const [first, ...others] = answers;
    expect([name, first?.status, first?.headers["x-request-id"]]).toEqual([name, status, "req-of-mine"]);
    expect(others.map((other) => Bun.deepEquals(other, first, true))).toEqual([true, true]);
  }
  const large = "x".repeat(1024 * 1024 + 1);
  for (const url of [line.webhookUrl, `${line.webhookUrl}?more=1`]) {
    const answer = await fetch(url, { method: "POST", body: large });
    expect([answer.status, ((await answer.json()) as Json).code]).toEqual([413, "too_large"]);
  }
});
