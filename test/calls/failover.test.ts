/** Which line a call goes to, and where it goes when that line says no. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type CallOrder, ChannelError, type ErrorCause, type ErrorKind } from "../../channels/contract.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { attemptsOf, codeOf, endOf, lineOf, outcomesOf, type Variant, variants } from "./variant.ts";

const refuses = (kind: ErrorKind, cause: ErrorCause, code?: string): Variant => ({
  channel: (channel) => ({
    ...channel,
    async place() {
      throw new ChannelError({ kind, effect: "none", cause, code: code ?? null });
    },
  }),
});

let on: TestService;
let obeying: number;
let answering: number;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({
    tickMs: 200,
    loadChannel: variants({
      comply: refuses("compliance", "other", "E_WINDOW"),
      vacant: refuses("refused", "number"),
      listed: refuses("refused", "blacklist"),
      balance: refuses("refused", "balance"),
      leaky: {
        channel: (channel) => ({
          ...channel,
          async place(order: CallOrder) {
            const code = `no: ${order.customer.national()}\0`;
            throw new ChannelError({ kind: "refused", effect: "none", cause: "other", code });
          },
        }),
      },
    }),
  });
  obeying = (await lineOf(on)).id;
  answering = (await lineOf(on, { config: { answersAll: true } })).id;
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

describe("a definite no", () => {
  for (const digit of [6, 8]) {
    test(`ending ${digit} goes to the next line, and the record shows that one`, async () => {
      const phone = customer(digit);
      const answer = await on.dial({ customerPhone: phone, agent: customer(0) });
      expect(answer.status).toBe(200);
      const record = await on.ended(answer.body.callId);
      expect([...endOf(record), record.lineId]).toEqual(["ended", 0, "NORMAL_CLEARING", answering]);
      const attempts = await attemptsOf(on, answer.body.callId);
      expect(attempts.map((one) => [one.lineId, one.outcome, one.deciding])).toEqual([
        [obeying, "refused", false],
        [answering, "placed", true],
      ]);
      expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 1, b: 1 });
    });

    test(`ending ${digit} stays on the line that was named`, async () => {
      const answer = await on.dial({ customerPhone: customer(digit), agent: customer(0), lineId: obeying });
      expect(codeOf(answer)).toEqual([503, "no_line_left"]);
      expect(answer.headers.get("retry-after")).not.toBeNull();
      expect(endOf(await on.ended(answer.body.callId))).toEqual(["failed", 6, "NETWORK_ERROR"]);
      expect(await outcomesOf(on, answer.body.callId)).toEqual(["refused"]);
    });
  }

  test("placeWithin 0 tries one line", async () => {
    const answer = await on.dial({ customerPhone: customer(6), agent: customer(0), placeWithin: 0 });
    expect(codeOf(answer)).toEqual([503, "no_line_left"]);
    expect(await outcomesOf(on, answer.body.callId)).toEqual(["refused"]);
  });

  test("the number that was asked to be shown goes with the call to the next line", async () => {
    const first = await on.dial({ customerPhone: customer(6), agent: customer(0), displayNumber: "01088887777" });
    const record = await on.ended(first.body.callId);
    expect([record.lineId, record.callerNumber]).toEqual([answering, "010****7777"]);
    const placed = on.far.calls.find((call) => call.order.callRef === first.body.callId);
    expect(placed?.order.displayNumber).toBe("+861088887777");
  });

  test("every line says no", async () => {
    const key = await on.tenant("nobody");
    for (let n = 0; n < 3; n++) await on.line(`line ${n}`, {}, key);
    const answer = await on.ask("POST", "/api/v1/calls/dial", { key, body: { customerPhone: customer(6) } });
    expect(codeOf(answer)).toEqual([503, "no_line_left"]);
    const { body: record } = await on.ask("GET", `/api/v1/calls/${answer.body.callId}`, { key });
    expect(endOf(record)).toEqual(["failed", 6, "NETWORK_ERROR"]);
    const { body } = await on.ask("GET", `/api/v1/calls/${answer.body.callId}/route`, { key });
    expect(body.attempts.map((one: Json) => one.outcome)).toEqual(["refused", "refused", "refused"]);
  });

  test("a refused connection is 7, wrong credentials are 6", async () => {
    for (const [config, closeType, kind] of [
      [{ baseUrl: "http://127.0.0.1:1" }, 7, "unreachable"],
      [{ secret: "another secret altogether" }, 6, "unauthorized"],
    ] as const) {
      const { id } = await lineOf(on, { config });
      const answer = await on.dial({ customerPhone: customer(0), agent: customer(0), lineId: id });
      expect(codeOf(answer)).toEqual([503, "no_line_left"]);
      expect(endOf(await on.ended(answer.body.callId))).toEqual(["failed", closeType, "NETWORK_ERROR"]);
      const [attempt] = await attemptsOf(on, answer.body.callId);
      expect(attempt.errorKind).toBe(kind);
      await on.ask("DELETE", `/api/v1/calls/lines/${id}`);
    }
  });
});

describe("a no that stands", () => {
  for (const [provider, status, closeType, cause] of [
    ["comply", "failed", 6, "NETWORK_ERROR"],
    ["vacant", "failed", 2, "INVALID_NUMBER"],
    ["listed", "failed", 6, "NETWORK_ERROR"],
  ] as const) {
    test(`${provider} is not asked of another line`, async () => {
      const key = await on.tenant(`stands-${provider}`);
      await lineOf(on, { key, provider });
      await lineOf(on, { key });
      const answer = await on.ask("POST", "/api/v1/calls/dial", { key, body: { customerPhone: customer(0) } });
      expect(codeOf(answer)).toEqual([503, "no_line_left"]);
      const { body: record } = await on.ask("GET", `/api/v1/calls/${answer.body.callId}`, { key });
      expect(endOf(record)).toEqual([status, closeType, cause]);
      const { body } = await on.ask("GET", `/api/v1/calls/${answer.body.callId}/route`, { key });
      expect(body.attempts).toHaveLength(1);
    });
  }

  test("an empty balance is the line's own trouble", async () => {
    const key = await on.tenant("balance");
    await lineOf(on, { key, provider: "balance" });
    const { id } = await lineOf(on, { key });
    const answer = await on.ask("POST", "/api/v1/calls/dial", { key, body: { customerPhone: customer(0) } });
    const { body } = await on.ask("GET", `/api/v1/calls/${answer.body.callId}/route`, { key });
    expect(body.attempts.map((one: Json) => [one.errorCause, one.outcome])).toEqual([
      ["balance", "refused"],
      [null, "placed"],
    ]);
    expect(body.attempts[1].lineId).toBe(id);
  });

  for (const digit of [0, 1, 2, 3, 4, 5]) {
    test(`ending ${digit}: once accepted, no other line`, async () => {
      const key = await on.tenant(`stands-${digit}`);
      const first = await lineOf(on, { key });
      await lineOf(on, { key, config: { answersAll: true } });
      const phone = customer(digit);
      const body = { customerPhone: phone, agent: customer(0), placeWithin: 120 };
      const { callId } = (await on.ask("POST", "/api/v1/calls/dial", { key, body })).body;
      for (let version = 0, status = ""; status !== "ended"; ) {
        const wait = `/api/v1/calls/${callId}/status?wait=5&version=${version}`;
        ({ version, status } = (await on.ask("GET", wait, { key })).body);
      }
      expect((await on.ask("GET", `/api/v1/calls/${callId}`, { key })).body.lineId).toBe(first.id);
      const { attempts } = (await on.ask("GET", `/api/v1/calls/${callId}/route`, { key })).body;
      expect(attempts.map((one: Json) => one.outcome)).toEqual(["placed"]);
      const { a, b } = on.far.ringsOf(`+86${phone}`);
      expect([a <= 1, b <= 1]).toEqual([true, true]);
    });
  }

  test("a code with a number and a NUL in it is still a no, and the number is not kept", async () => {
    const key = await on.tenant("leaky");
    await lineOf(on, { key, provider: "leaky" });
    const { id } = await lineOf(on, { key });
    const phone = customer(0);
    const answer = await on.ask("POST", "/api/v1/calls/dial", { key, body: { customerPhone: phone } });
    expect(answer.status).toBe(200);
    const told = await on.ask("GET", `/api/v1/calls/${answer.body.callId}/route`, { key });
    expect(told.body.attempts.map((one: Json) => one.outcome)).toEqual(["refused", "placed"]);
    expect(told.body.attempts[1].lineId).toBe(id);
    const facts = await on.ask("GET", `/api/v1/calls/${answer.body.callId}/events`, { key });
    expect(told.text + facts.text).not.toContain(phone);
  });
});
