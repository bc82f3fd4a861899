/** Every row of the failover table, walked by real calls: what a failed placement leads to, and what it never does. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { sql } from "drizzle-orm";
import {
  ChannelError,
  type Effect,
  type ErrorCause,
  type ErrorKind,
  errorCauses,
  errorKinds,
} from "../../channels/contract.ts";
import { rows } from "../../db/sql.ts";
import { createRetryBudget } from "../../src/calls/budget.ts";
import { failoverTable, type Then, thenOf } from "../../src/calls/failover.ts";
import { type TestTenant, tenantOf } from "../limits/tenant.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { endOf, lineOf, type TestLine, variants } from "./variant.ts";

interface Fault {
  kind: ErrorKind;
  cause: ErrorCause;
  effect: Effect;
}

/** What the lines of kind `says` throw at the next placements for a customer; nothing left: they place the call. */
const faults = new Map<string, Fault[]>();
let on: TestService;
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({
    tickMs: 100,
    loadChannel: variants({
      says: {
        channel: (channel) => ({
          ...channel,
          async place(order, signal) {
            const fault = faults.get(order.customer.reveal())?.shift();
            if (fault !== undefined) throw new ChannelError(fault);
            return channel.place(order, signal);
          },
        }),
      },
    }),
  });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

/** What the product says, apart from the table. */
function wanted({ effect, kind, cause }: Fault): Then {
  if (effect === "unknown") return "ask-first";
  const isAboutCustomer = ["number", "blacklist", "window", "frequency", "region"].includes(cause);
  if (kind === "compliance" || isAboutCustomer) return "stop";
  return kind === "limited" && (cause === "rate" || cause === "concurrency") ? "same-line-later" : "next-line";
}

const all = (["none", "unknown"] as const).flatMap((effect) =>
  errorKinds.flatMap((kind) => errorCauses.map((cause): Fault => ({ effect, kind, cause }))),
);

describe("the table", () => {
  test("says for every failure what the product says", () => {
    expect(all.map((fault) => [fault, thenOf(fault)])).toEqual(all.map((fault) => [fault, wanted(fault)]));
  });

  test("has no row that never decides, and none without its reason in both languages", () => {
    const fits = (row: (typeof failoverTable)[number], { effect, kind, cause }: Fault): boolean =>
      (row.effect === "any" || row.effect === effect) &&
      (row.kind === "any" || row.kind === kind) &&
      (row.causes === "any" || row.causes.includes(cause));
    const deciding = new Set(all.map((fault) => failoverTable.findIndex((row) => fits(row, fault))));
    expect([...deciding].sort()).toEqual(failoverTable.map((_, index) => index));
    for (const { why } of failoverTable)
      expect([/\p{Script=Han}/u.test(why.zh), /^[ -~]+$/.test(why.en)]).toEqual([true, true]);
  });
});

/** A line that says what it is told to, and where wished another one that places calls. */
async function lines(
  withOther: boolean,
  config: Json = {},
): Promise<{ tenant: TestTenant; first: TestLine; other: TestLine | null }> {
  const tenant = await tenantOf(on);
  const first = await lineOf(on, { provider: "says", key: tenant.key, config });
  return { tenant, first, other: withOther ? await tenant.line() : null };
}

async function attempts({ key }: TestTenant, callId: string): Promise<Json[]> {
  return (await on.ask("GET", `/api/v1/calls/${callId}/route`, { key })).body.attempts;
}

const tried = async (tenant: TestTenant, callId: string): Promise<Json[]> =>
  (await attempts(tenant, callId)).map(({ lineId, outcome }) => [lineId, outcome]);

/** Dials a customer whose line says these first. */
async function dialFaulty(
  { dial }: TestTenant,
  given: Fault[],
): Promise<{ status: number; callId: string; phone: string; body: Json }> {
  const phone = customer(0);
  faults.set(`+86${phone}`, [...given]);
  const { status, body } = await dial({ customerPhone: phone });
  return { status, callId: body.callId, phone, body };
}

describe("a definite no", () => {
  for (const kind of errorKinds) {
    test(`${kind}, of whatever cause`, async () => {
      // Each with lines of its own: what failed many times over is passed over, and says nothing.
      const walked = await Promise.all(
        errorCauses.map(async (cause) => {
          const { tenant, first, other } = await lines(true);
          const { status, callId, phone } = await dialFaulty(tenant, [{ effect: "none", kind, cause }]);
          await tenant.ended(callId);
          const refused = [first.id, "refused"];
          const expected =
            wanted({ effect: "none", kind, cause }) === "stop"
              ? [cause, 503, [refused], { a: 0, b: 0 }]
              : [cause, 200, [refused, [other?.id, "placed"]], { a: 1, b: 1 }];
          return { seen: [cause, status, await tried(tenant, callId), on.far.ringsOf(`+86${phone}`)], expected };
        }),
      );
      expect(walked.map(({ seen }) => seen)).toEqual(walked.map(({ expected }) => expected));
    });
  }
});

describe("a line that is busy for the moment", () => {
  const busy: Fault = { effect: "none", kind: "limited", cause: "rate" };

  test("is tried again a second later where there is no other", async () => {
    const { tenant, first } = await lines(false);
    const { status, callId } = await dialFaulty(tenant, [busy]);
    expect(status).toBe(200);
    expect(await tried(tenant, callId)).toEqual([
      [first.id, "refused"],
      [first.id, "placed"],
    ]);
    const [one = 0, two = 0] = (await attempts(tenant, callId)).map(({ sent }) => Date.parse(sent));
    expect(two - one).toBeGreaterThanOrEqual(1_000);
  });

  test("is tried three times, no more", async () => {
    const { tenant, first } = await lines(false);
    const { status, callId } = await dialFaulty(tenant, [busy, busy, busy, busy]);
    expect(status).toBe(503);
    expect(await tried(tenant, callId)).toEqual(Array(3).fill([first.id, "refused"]));
  });

  test("is not tried again when the time for it is over, or for another reason", async () => {
    const { tenant, first } = await lines(false);
    const phone = customer(0);
    faults.set(`+86${phone}`, [busy]);
    const answer = await tenant.dial({ customerPhone: phone, placeWithin: 1 });
    expect([answer.status, await tried(tenant, answer.body.callId)]).toEqual([503, [[first.id, "refused"]]]);
    const other = await dialFaulty(tenant, [{ ...busy, cause: "daily-limit" }]);
    expect([other.status, await tried(tenant, other.callId)]).toEqual([503, [[first.id, "refused"]]]);
  });
});

describe("an unknown outcome", () => {
  for (const kind of errorKinds) {
    test(`${kind}: the provider is asked; only its proof lets another line dial`, async () => {
      const { tenant, first, other } = await lines(true);
      const { status, callId, phone } = await dialFaulty(tenant, [{ effect: "unknown", kind, cause: "server" }]);
      expect([200, 202]).toContain(status);
      await tenant.ended(callId);
      expect(await tried(tenant, callId)).toEqual([
        [first.id, "absent"],
        [other?.id, "placed"],
      ]);
      const { body } = await on.ask("GET", `/api/v1/calls/${callId}/events`, { key: tenant.key });
      const own = body.events.map((one: Json) => `${one.attempt} ${one.kind}`);
      expect(own.slice(0, 4)).toEqual(["1 sent", "1 unknown", "1 absent", "2 sent"]);
      expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 1, b: 1 });
    });
  }

  test("that the provider cannot settle never moves", async () => {
    const { tenant, first } = await lines(true, { lookup: "none" });
    const { status, callId, phone } = await dialFaulty(tenant, [
      { effect: "unknown", kind: "timeout", cause: "network" },
    ]);
    expect(status).toBe(202);
    on.clock.advance(250_000);
    expect(endOf(await tenant.ended(callId))).toEqual(["failed", 255, "TIMEOUT"]);
    expect(await tried(tenant, callId)).toEqual([[first.id, "unknown"]]);
    expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 0, b: 0 });
  });
});

describe("an outage", () => {
  const start = 20;

  test("of one line is amplified by a tenth, however long it lasts; each tenant has its own budget", () => {
    const budget = createRetryBudget();
    let further = 0;
    for (let calls = 1; calls <= 20_000; calls++) {
      budget.earn("one");
      if (budget.has("one")) {
        budget.spend("one");
        further += 1;
      }
      expect(further).toBeLessThanOrEqual(start + 0.1 * calls + 1e-6);
    }
    expect(further).toBeGreaterThan(0.1 * 20_000 - 1);
    expect(budget.has("other")).toBe(true);
  });

  test("is a tenth more requests, beside what is allowed at the start; where no line is left nothing is taken off", async () => {
    const { tenant } = await lines(false);
    const refuses: Fault = { effect: "none", kind: "refused", cause: "server" };
    for (let n = 0; n < 25; n++) expect((await dialFaulty(tenant, [refuses])).status).toBe(503);
    await tenant.line();
    const calls = 300;
    let placed = 0;
    for (let done = 0; done < calls; done += 20) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => dialFaulty(tenant, [refuses])));
      placed += answers.filter(({ status }) => status === 200).length;
      expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
    }
    const counted = await on.database.db.run((q) =>
      q.execute(sql`select count(*)::int as n from call_attempts where tenant = ${tenant.name}`),
    );
    const made = (rows<{ n: number }>(counted)[0]?.n ?? 0) - 25;
    expect(placed).toBeGreaterThanOrEqual(start);
    expect(made).toBeLessThanOrEqual(1.1 * calls + start + 3);
  });
});
