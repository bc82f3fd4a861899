/** Customers are not called too often, whichever line, account and channel does it. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { type E9Provider, startE9Provider } from "../../channels/e9/fake.ts";
import { createService } from "../../src/service.ts";
import { customer, loopback, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { type TestTenant, tenantOf, toldOf } from "./tenant.ts";

const minute = 60_000;
const day = 1_440 * minute;
let on: TestService;
let e9Far: E9Provider;
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 100 });
  e9Far = await startE9Provider({ speed: 100, now: () => on.clock.now().getTime() });
}, startTimeoutMs);
afterAll(async () => {
  await e9Far.stop();
  await on.stop();
}, startTimeoutMs);

/** A demo line on which the rules bind as on any other. */
const protectedLine = (tenant: TestTenant) => tenant.line({ config: { protect: true } });

/** A line of an e9 account of its own. */
async function e9Line({ key }: TestTenant): Promise<number> {
  const [accountSid, authToken, appId] = [1, 2, 3].map(() => randomBytes(16).toString("hex")) as [
    string,
    string,
    string,
  ];
  on.secrets.push(authToken);
  const body = { name: "e9", providerType: "e9", providerConfig: { baseUrl: e9Far.url, accountSid, authToken, appId } };
  const { id } = (await on.ask("POST", "/api/v1/calls/lines", { key, body })).body;
  const line = await on.ask("GET", `/api/v1/calls/lines/${id}`, { key });
  e9Far.addAccount(accountSid, { authToken, apps: { [appId]: line.body.webhookUrl } });
  return id;
}

/** How often a customer's own phone rang, at whichever provider. */
const rang = (phone: string): number => on.far.ringsOf(`+86${phone}`).b + e9Far.ringsOf(phone).b;

describe("how often", () => {
  test("the sixth call to one customer in 24 h is refused, over five accounts of two channels", async () => {
    const tenant = await tenantOf(on);
    const lines = [await e9Line(tenant), await e9Line(tenant)];
    for (let n = 0; n < 3; n++) lines.push((await protectedLine(tenant)).id);
    const phone = customer(0);
    const first = on.clock.now();
    for (const lineId of lines) {
      const answer = await tenant.dial({ customerPhone: phone, lineId });
      expect(answer.status).toBe(200);
      await tenant.ended(answer.body.callId);
      on.clock.advance(6 * minute);
    }
    expect(rang(phone)).toBe(5);
    for (const lineId of lines) {
      const answer = await tenant.dial({ customerPhone: `+86 ${phone}`, lineId });
      expect(toldOf(answer)).toEqual([422, "too_frequent", "frequency-day"]);
      const until = Date.parse(answer.body.until);
      expect([until >= first.getTime() + day, until < first.getTime() + day + minute]).toEqual([true, true]);
    }
    expect(await tenant.recorded()).toBe(5);
    expect((await tenant.dial({ customerPhone: customer(0), lineId: lines[0] })).status).toBe(200);
    on.clock.advance(first.getTime() + day - on.clock.now().getTime() + minute);
    expect((await tenant.dial({ customerPhone: phone, lineId: lines[0] })).status).toBe(200);
    expect(toldOf(await tenant.dial({ customerPhone: phone, lineId: lines[1] }))).toContain("frequency-day");
  });

  test("the fourth call in five minutes is refused, however many are asked for at once", async () => {
    const tenant = await tenantOf(on);
    await protectedLine(tenant);
    const phone = customer(0);
    const answers = await Promise.all(Array.from({ length: 12 }, () => tenant.dial({ customerPhone: phone })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, ...Array(9).fill(422)]);
    const refused = answers.find(({ status }) => status === 422);
    expect(toldOf(refused as (typeof answers)[0])).toEqual([422, "too_frequent", "frequency-5min"]);
    expect(await tenant.recorded()).toBe(3);
    on.clock.advance(Date.parse(refused?.body.until) - on.clock.now().getTime() + 1_000);
    expect((await tenant.dial({ customerPhone: phone })).status).toBe(200);
  });

  test("counts of a tenant's own rules; another tenant's calls are none of them", async () => {
    const [one, other] = [await tenantOf(on, { customerCallsPerDay: 1 }), await tenantOf(on)];
    for (const tenant of [one, other]) await protectedLine(tenant);
    const phone = customer(0);
    expect((await one.dial({ customerPhone: phone })).status).toBe(200);
    expect(toldOf(await one.dial({ customerPhone: phone }))).toEqual([422, "too_frequent", "frequency-day"]);
    expect((await other.dial({ customerPhone: phone })).status).toBe(200);
  });

  test("does not count calls that never dialed the customer", async () => {
    const tenant = await tenantOf(on, { customerCallsPerDay: 2, whenLimited: "queue", queueSeconds: 5 });
    const line = await protectedLine(tenant);
    const phone = customer(0);
    const end = async (ending: "a-no-answer" | "a-busy" | "a-declined" | "b-no-answer"): Promise<void> => {
      on.far.script(`+86${phone}`, { ending });
      const answer = await tenant.dial({ customerPhone: phone, lineId: line.id });
      expect(answer.status).toBe(200);
      expect((await tenant.ended(answer.body.callId)).status).not.toBe("ended");
    };
    for (const ending of ["a-no-answer", "a-busy", "a-declined"] as const) await end(ending);
    on.far.script(`+86${phone}`, { answer: "refused" });
    for (let n = 0; n < 3; n++) {
      const answer = await tenant.dial({ customerPhone: phone, lineId: line.id });
      expect(toldOf(answer)).toEqual([503, "no_line_left"]);
    }
    // One that waited for a line and never had one.
    const full = await tenant.line({ config: { protect: true }, line: { maxConcurrent: 1 } });
    await tenant.longCall({ lineId: full.id });
    const queued = await tenant.dial({ customerPhone: phone, lineId: full.id });
    expect(queued.status).toBe(202);
    on.clock.advance(5_000);
    expect((await tenant.ended(queued.body.callId)).closeType).toBe(255);
    await end("b-no-answer");
    await end("b-no-answer");
    expect(toldOf(await tenant.dial({ customerPhone: phone, lineId: line.id }))).toContain("frequency-day");
  });

  test("counts a call whose end nobody knows", async () => {
    const tenant = await tenantOf(on, { customerCallsPerDay: 1 });
    await protectedLine(tenant);
    const phone = customer(0);
    on.far.script(`+86${phone}`, { silentAfterRinging: true });
    const { callId } = (await tenant.dial({ customerPhone: phone, ringTimeout: 5 })).body;
    on.clock.advance(11 * minute);
    expect((await tenant.ended(callId)).hangupCause).toBe("TIMEOUT");
    expect(toldOf(await tenant.dial({ customerPhone: phone }))).toContain("frequency-day");
  });

  test("is known to another instance, and to one that starts afresh", async () => {
    const tenant = await tenantOf(on, { customerCallsPerDay: 2 });
    const { id } = await protectedLine(tenant);
    const phone = customer(0);
    for (let n = 0; n < 2; n++) expect((await tenant.dial({ customerPhone: phone, lineId: id })).status).toBe(200);
    const { db: _, ...shared } = on.service.calls;
    const db = await on.database.reopen();
    const again = createService({
      ...shared,
      db,
      host: "127.0.0.1",
      port: 0,
      publicUrl: null,
      adminKey: on.key,
      demo: false,
      allowNetworks: loopback,
    });
    const { url } = await again.start();
    const ask = async (customerPhone: string) => {
      const answer = await fetch(`${url}/api/v1/calls/dial`, {
        method: "POST",
        headers: { authorization: `Bearer ${tenant.key}`, "content-type": "application/json" },
        body: JSON.stringify({ customerPhone, agent: customer(0), lineId: id }),
      });
      return { status: answer.status, body: (await answer.json()) as { rule?: string } };
    };
    expect(await ask(phone)).toMatchObject({ status: 422, body: { rule: "frequency-day" } });
    const another = customer(0);
    const both = Array.from({ length: 10 }, (_, n) =>
      n % 2 === 0 ? ask(another) : tenant.dial({ customerPhone: another, lineId: id }),
    );
    const statuses = (await Promise.all(both)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 200, ...Array(8).fill(422)]);
    await again.stop();
  });

  test("does not bind a demo line, and its calls do not count", async () => {
    const tenant = await tenantOf(on, { customerCallsPerDay: 1 });
    const demo = await tenant.line();
    const binding = await protectedLine(tenant);
    const phone = customer(0);
    for (let n = 0; n < 6; n++) expect((await tenant.dial({ customerPhone: phone, lineId: demo.id })).status).toBe(200);
    expect((await tenant.dial({ customerPhone: phone, lineId: binding.id })).status).toBe(200);
    expect(toldOf(await tenant.dial({ customerPhone: phone, lineId: binding.id }))).toContain("frequency-day");
    expect((await tenant.dial({ customerPhone: phone, lineId: demo.id })).status).toBe(200);
  });
});

describe("the blacklist", () => {
  test("stops a call on any line, until it ends or is taken off", async () => {
    const tenant = await tenantOf(on);
    const lines = [(await tenant.line()).id, (await protectedLine(tenant)).id, await e9Line(tenant)];
    const phone = customer(0);
    const expires = new Date(on.clock.now().getTime() + 10 * minute).toISOString();
    const list = (body: object) =>
      on.ask("POST", "/api/v1/blacklist", { key: tenant.key, body: { phone, reason: "r", ...body } });
    await list({ expires });
    for (const lineId of lines) {
      const answer = await tenant.dial({ customerPhone: phone, lineId });
      expect([...toldOf(answer), answer.body.until]).toEqual([422, "blacklisted", "blacklist", expires]);
      expect(answer.text).not.toContain(phone);
    }
    expect(await tenant.recorded()).toBe(0);
    expect((await tenant.dial({ customerPhone: customer(0), lineId: lines[0] })).status).toBe(200);
    on.clock.advance(10 * minute);
    expect((await tenant.dial({ customerPhone: phone, lineId: lines[0] })).status).toBe(200);
    const { id } = (await list({})).body;
    const forGood = await tenant.dial({ customerPhone: phone, lineId: lines[0] });
    expect([...toldOf(forGood), forGood.body.until]).toEqual([422, "blacklisted", "blacklist", undefined]);
    await on.ask("DELETE", `/api/v1/blacklist/${id}`, { key: tenant.key });
    expect((await tenant.dial({ customerPhone: phone, lineId: lines[0] })).status).toBe(200);
  });

  test("is each tenant's own", async () => {
    const [one, other] = [await tenantOf(on), await tenantOf(on)];
    for (const tenant of [one, other]) await tenant.line();
    const phone = customer(0);
    await on.ask("POST", "/api/v1/blacklist", { key: one.key, body: { phone, reason: "r" } });
    expect((await one.dial({ customerPhone: phone })).body.code).toBe("blacklisted");
    expect((await other.dial({ customerPhone: phone })).status).toBe(200);
  });
});

test("a stop leaves nothing behind: the same agent and key go to another customer at once", async () => {
  const tenant = await tenantOf(on, { customerCallsPerDay: 1 });
  const { id: lineId } = await protectedLine(tenant);
  const [listed, frequent] = [customer(0), customer(0)];
  await on.ask("POST", "/api/v1/blacklist", { key: tenant.key, body: { phone: listed, reason: "r" } });
  expect((await tenant.dial({ customerPhone: frequent, lineId })).status).toBe(200);
  for (const [customerPhone, code] of [
    [listed, "blacklisted"],
    [frequent, "too_frequent"],
  ] as const) {
    const key = { "idempotency-key": code };
    const agent = customer(0);
    expect((await tenant.dial({ customerPhone, agent, lineId }, key)).body.code).toBe(code);
    const placed = await tenant.dial({ customerPhone: customer(0), agent, lineId }, key);
    expect([placed.status, placed.headers.get("idempotency-replayed")]).toEqual([200, null]);
  }
});

describe("calling hours", () => {
  /** `HH:mm` in the zone of Chinese numbers, so many hours from now. */
  const inHours = (hours: number): string =>
    new Date(on.clock.now().getTime() + (8 + hours) * 60 * minute).toISOString().slice(11, 16);

  test("outside of them nobody is called, and nothing is recorded", async () => {
    const tenant = await tenantOf(on, { callingFrom: inHours(2), callingUntil: inHours(4) });
    const line = await protectedLine(tenant);
    const agent = customer(0);
    const answer = await tenant.dial(
      { customerPhone: customer(0), lineId: line.id, agent },
      { "idempotency-key": "k" },
    );
    expect(toldOf(answer)).toEqual([422, "outside_window", "window"]);
    const wait = Date.parse(answer.body.until) - on.clock.now().getTime();
    expect([wait > 118 * minute, wait <= 120 * minute]).toEqual([true, true]);
    expect(await tenant.recorded()).toBe(0);
    on.clock.advance(wait);
    const again = await tenant.dial(
      { customerPhone: customer(0), lineId: line.id, agent },
      { "idempotency-key": "k2" },
    );
    expect(again.status).toBe(200);
  });

  test("do not bind a demo line", async () => {
    const tenant = await tenantOf(on, { callingFrom: inHours(2), callingUntil: inHours(4) });
    await tenant.line();
    expect((await tenant.dial({ customerPhone: customer(0) })).status).toBe(200);
  });

  test("end the wait in the queue", async () => {
    const limits = { whenLimited: "queue", queueSeconds: 300 };
    const tenant = await tenantOf(on, { ...limits, callingFrom: inHours(-2), callingUntil: inHours(1) });
    await tenant.line({ config: { protect: true }, line: { maxConcurrent: 1 } });
    const closes = Math.floor((on.clock.now().getTime() + 60 * minute) / minute) * minute;
    on.clock.advance(closes - on.clock.now().getTime() - 2 * minute);
    const running = await tenant.longCall();
    const phone = customer(0);
    const queued = await tenant.dial({ customerPhone: phone, placeWithin: 120 });
    expect(queued.status).toBe(202);
    on.clock.advance(2 * minute);
    await tenant.hangup(running);
    const record = await tenant.ended(queued.body.callId);
    expect([record.status, record.closeType, record.lineId]).toEqual(["failed", 255, null]);
    expect(rang(phone)).toBe(0);
  });
});
