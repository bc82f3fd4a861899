/** Calls at a time, a second and a day: of lines, agents and tenants. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { push } from "../calls/variant.ts";
import { type Answer, customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { tenantOf, toldOf } from "./tenant.ts";

let on: TestService;
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 100 });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const concurrency = [429, "limit_reached", "line", "concurrency"];
const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status).sort();

describe("calls at a time on a line", () => {
  test("that is full: the next line takes the call", async () => {
    const tenant = await tenantOf(on);
    const one = await tenant.line({ line: { maxConcurrent: 1 } });
    const other = await tenant.line({ line: { maxConcurrent: 1 } });
    const first = await tenant.longCall();
    const second = await tenant.longCall();
    expect([(await tenant.record(first)).lineId, (await tenant.record(second)).lineId]).toEqual([one.id, other.id]);
    expect(toldOf(await tenant.dial({ customerPhone: customer(0) }))).toEqual(concurrency);
    expect(await tenant.recorded()).toBe(2);
    await tenant.hangup(second);
    expect((await tenant.record(await tenant.longCall())).lineId).toBe(other.id);
  });

  test("thirty at once on a line for three are three", async () => {
    const tenant = await tenantOf(on);
    const { id } = await tenant.line({ line: { maxConcurrent: 3 } });
    const phones = Array.from({ length: 30 }, () => customer(0));
    for (const phone of phones) on.far.script(`+86${phone}`, { talkSeconds: 300_000 });
    const answers = await Promise.all(phones.map((customerPhone) => tenant.dial({ customerPhone })));
    expect(statuses(answers)).toEqual([...Array(3).fill(200), ...Array(27).fill(429)]);
    for (const phone of phones) on.far.script(`+86${phone}`, {});
    const called = on.far.calls.filter((call) => phones.includes(call.order.customer.slice(3)));
    expect([called.length, await tenant.recorded()]).toEqual([3, 3]);
    const { body } = await on.ask("GET", `/api/v1/calls?lineId=${id}`, { key: tenant.key });
    await tenant.hangup(body.calls[0].callId);
    expect((await tenant.dial({ customerPhone: customer(0) })).status).toBe(200);
  });

  test("with `reject` no other line is looked for; agent and key are free afterwards", async () => {
    const tenant = await tenantOf(on, { whenLimited: "reject" });
    const one = await tenant.line({ line: { maxConcurrent: 1 } });
    const other = await tenant.line();
    for (const [priority, lineId] of [one.id, other.id].entries())
      await on.ask("POST", "/api/v1/bindings", { key: tenant.key, body: { userId: "u", lineId, priority } });
    const running = await tenant.longCall({ userId: "u" });
    const wish = { customerPhone: customer(0), agent: customer(0), userId: "u" };
    const refused = await tenant.dial(wish, { "idempotency-key": "again" });
    expect(toldOf(refused)).toEqual(concurrency);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await tenant.recorded()).toBe(1);
    await tenant.hangup(running);
    const placed = await tenant.dial(wish, { "idempotency-key": "again" });
    expect([placed.status, placed.headers.get("idempotency-replayed")]).toEqual([200, null]);
  });

  test("every ending gives its place back", async () => {
    const tenant = await tenantOf(on);
    await tenant.line({ line: { maxConcurrent: 1 } });
    for (const digit of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const answer = await tenant.dial({ customerPhone: customer(digit) });
      expect([digit, [200, 202, 503].includes(answer.status)]).toEqual([digit, true]);
      await tenant.ended(answer.body.callId);
    }
  });

  test("a limit that is set later counts the calls that run", async () => {
    const tenant = await tenantOf(on);
    const { id } = await tenant.line();
    const running = await tenant.longCall();
    await on.ask("PUT", `/api/v1/calls/lines/${id}`, { key: tenant.key, body: { maxConcurrent: 1 } });
    expect(toldOf(await tenant.dial({ customerPhone: customer(0) }))).toEqual(concurrency);
    await tenant.hangup(running);
    expect((await tenant.dial({ customerPhone: customer(0) })).status).toBe(200);
  });
});

describe("a call that ended without proof", () => {
  /** Given up after 2 × 5 s + 120 s; its line may be taken up until 2 × 5 s + 600 s after it was sent. */
  async function givenUp() {
    const tenant = await tenantOf(on);
    const line = await tenant.line({ line: { maxConcurrent: 1 } });
    const phone = customer(0);
    on.far.script(`+86${phone}`, { silentAfterRinging: true });
    const { callId } = (await tenant.dial({ customerPhone: phone, ringTimeout: 5, maxDuration: 600 })).body;
    await on.until(callId, ({ status }) => status === "ringing", tenant.key);
    on.clock.advance(130_000);
    const { closeType, providerCallId } = await tenant.ended(callId);
    expect(closeType).toBe(255);
    const report = (event: string, leg: string | null, code: string | null) => {
      const time = on.clock.now().toISOString();
      return push(
        on,
        line,
        JSON.stringify({ type: "event", callId: providerCallId, callRef: callId, attempt: 1, event, leg, time, code }),
      );
    };
    const hasRoom = async (): Promise<boolean> => {
      const answer = await tenant.dial({ customerPhone: customer(6) });
      // The line says no to it, so it takes nobody's place.
      return answer.status === 503;
    };
    return { tenant, callId, report, hasRoom };
  }

  test("takes up its line until its longest duration", async () => {
    const { hasRoom } = await givenUp();
    expect(await hasRoom()).toBe(false);
    on.clock.advance(470_000);
    expect(await hasRoom()).toBe(false);
    on.clock.advance(11_000);
    expect(await hasRoom()).toBe(true);
  });

  test("frees it with a late report of its end", async () => {
    const { tenant, callId, report, hasRoom } = await givenUp();
    expect(await hasRoom()).toBe(false);
    const { version } = await tenant.record(callId);
    await report("hangup", null, "b-no-answer");
    await on.until(callId, (status) => status.version > version, tenant.key);
    expect(await hasRoom()).toBe(true);
  });

  test("keeps it where a late report says that they talk, from then on for its longest duration", async () => {
    const { tenant, callId, report, hasRoom } = await givenUp();
    const { version } = await tenant.record(callId);
    await report("answered", "b", null);
    await on.until(callId, (status) => status.version > version, tenant.key);
    on.clock.advance(590_000);
    expect(await hasRoom()).toBe(false);
    on.clock.advance(11_000);
    expect(await hasRoom()).toBe(true);
  });
});

describe("calls a second", () => {
  for (const [scope, limits] of [
    ["line", { line: { perSecond: 2 } }],
    ["tenant", { settings: { perSecond: 2 } }],
  ] as const) {
    test(`of a ${scope}: no more than it says, and more a moment later`, async () => {
      const tenant = await tenantOf(on, "settings" in limits ? limits.settings : {});
      await tenant.line("line" in limits ? { line: limits.line } : {});
      const answers = await Promise.all(Array.from({ length: 6 }, () => tenant.dial({ customerPhone: customer(0) })));
      expect(statuses(answers)).toEqual([200, 200, 429, 429, 429, 429]);
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused.map(toldOf)).toEqual(Array(4).fill([429, "limit_reached", scope, "rate"]));
      const waits = refused.map(({ headers }) => Number(headers.get("retry-after")));
      expect(waits.every((seconds) => seconds === 1 || seconds === 2)).toBe(true);
      on.clock.advance(1_100);
      expect((await tenant.dial({ customerPhone: customer(0) })).status).toBe(200);
    });
  }

  test("of an agent", async () => {
    const tenant = await tenantOf(on, { agentPerSecond: 1 });
    await tenant.line();
    const [agent, other] = [customer(0), customer(0)];
    const dial = (who: string) => tenant.dial({ customerPhone: customer(6), agent: who });
    // Refused by the line, and still a request that left.
    expect((await dial(agent)).status).toBe(503);
    expect(toldOf(await dial(agent))).toEqual([429, "limit_reached", "agent", "rate"]);
    expect((await dial(other)).status).toBe(503);
    on.clock.advance(1_100);
    expect((await dial(agent)).status).toBe(503);
  });
});

describe("calls a day", () => {
  /** From now to midnight in the tenant's zone, and a little. */
  const nextDay = (until: string): void => on.clock.advance(Date.parse(until) - on.clock.now().getTime());

  for (const [scope, limits] of [
    ["line", { line: { dailyLimit: 3 } }],
    ["tenant", { settings: { dailyLimit: 3 } }],
    ["agent", { settings: { agentDailyLimit: 3 } }],
  ] as const) {
    test(`of ${scope === "agent" ? "an" : "a"} ${scope}: what a line refused is none; tomorrow it begins anew`, async () => {
      const timeZone = "America/New_York";
      const tenant = await tenantOf(on, { timeZone, ...("settings" in limits ? limits.settings : {}) });
      await tenant.line("line" in limits ? { line: limits.line } : {});
      const agent = customer(0);
      const dial = async (digit: number): Promise<Answer> => {
        const answer = await tenant.dial({ customerPhone: customer(digit), agent });
        if (answer.body.callId !== undefined) await tenant.ended(answer.body.callId);
        return answer;
      };
      for (const digit of [0, 6, 6, 8, 1, 6, 4]) expect([200, 503]).toContain((await dial(digit)).status);
      const refused = await dial(0);
      expect(toldOf(refused)).toEqual([429, "limit_reached", scope, "daily"]);
      const midnight = new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "medium" });
      expect(midnight.format(new Date(refused.body.until))).toBe("00:00:00");
      nextDay(refused.body.until);
      expect((await dial(0)).status).toBe(200);
    });
  }

  test("a limit that is set during the day counts what was placed before it, under other limits or none", async () => {
    const tenant = await tenantOf(on);
    const { id } = await tenant.line();
    const dial = (digit = 3) => tenant.dial({ customerPhone: customer(digit) });
    const set = (body: object) => on.ask("PUT", `/api/v1/calls/lines/${id}`, { key: tenant.key, body });
    for (const digit of [3, 3, 6]) await dial(digit);
    await set({ perSecond: 100 });
    await dial();
    await set({ dailyLimit: 4 });
    expect((await dial()).status).toBe(200);
    expect(toldOf(await dial())).toContain("daily");
    await set({ dailyLimit: 0 });
    for (let n = 0; n < 2; n++) expect((await dial()).status).toBe(200);
    await set({ dailyLimit: 7 });
    expect((await dial()).status).toBe(200);
    expect(toldOf(await dial())).toContain("daily");
  });

  test("another zone is another day, even of the same name", async () => {
    const tenant = await tenantOf(on, { timeZone: "Asia/Shanghai" });
    await tenant.line({ line: { dailyLimit: 2 } });
    const dial = () => tenant.dial({ customerPhone: customer(3) });
    const dayMs = 86_400_000;
    const toHour = (utc: number) =>
      on.clock.advance((utc * 3_600_000 + dayMs - (on.clock.now().getTime() % dayMs)) % dayMs);
    // 23:00 in Shanghai and 05:00 of the next day in Kiritimati; then 01:00 and 07:00 of one day.
    toHour(15);
    expect((await dial()).status).toBe(200);
    toHour(17);
    expect((await dial()).status).toBe(200);
    await on.ask("PUT", "/api/v1/settings", { key: tenant.key, body: { timeZone: "Pacific/Kiritimati" } });
    expect(toldOf(await dial())).toContain("daily");
  });
});

test("a tenant's calls at a time, over its lines; no other line helps", async () => {
  const tenant = await tenantOf(on, { maxConcurrent: 2 });
  await tenant.line();
  await tenant.line();
  const running = await tenant.longCall();
  await tenant.longCall();
  const refused = await tenant.dial({ customerPhone: customer(0) });
  expect(toldOf(refused)).toEqual([429, "limit_reached", "tenant", "concurrency"]);
  await tenant.hangup(running);
  expect((await tenant.dial({ customerPhone: customer(0) })).status).toBe(200);
  const other = await tenantOf(on);
  await other.line();
  expect((await other.dial({ customerPhone: customer(0) })).status).toBe(200);
});
