/** A provider that took a call and then proves that it dialed nobody: another line may try. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type TestTenant, tenantOf } from "../limits/tenant.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { endOf, push, type TestLine } from "./variant.ts";

let on: TestService;
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 100 });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

async function lines(
  withOther: boolean,
  config: Json = {},
): Promise<{ tenant: TestTenant; first: TestLine; other: TestLine | null }> {
  const tenant = await tenantOf(on);
  const first = await tenant.line({ config });
  return { tenant, first, other: withOther ? await tenant.line() : null };
}

async function attempts({ key }: TestTenant, callId: string): Promise<Json[]> {
  return (await on.ask("GET", `/api/v1/calls/${callId}/route`, { key })).body.attempts;
}

const tried = async (tenant: TestTenant, callId: string): Promise<Json[]> =>
  (await attempts(tenant, callId)).map(({ lineId, outcome }) => [lineId, outcome]);

async function dial(tenant: TestTenant): Promise<{ callId: string; phone: string }> {
  const phone = customer(0);
  const { body } = await tenant.dial({ customerPhone: phone });
  return { callId: body.callId, phone };
}

describe("a provider that took a call and dialed nobody", () => {
  for (const flavour of ["push", "poll"]) {
    test(`${flavour}: another line takes it`, async () => {
      const { tenant, first, other } = await lines(true, { flavour });
      on.far.script("next", { ending: "no-capacity" });
      const { callId, phone } = await dial(tenant);
      const record = await tenant.ended(callId);
      expect([...endOf(record), record.lineId]).toEqual(["ended", 0, "NORMAL_CLEARING", other?.id]);
      expect(await tried(tenant, callId)).toEqual([
        [first.id, "refused"],
        [other?.id, "placed"],
      ]);
      expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 1, b: 1 });
    });

    test(`${flavour}: how the next line's call ends is how the call ends, even where no phone of it rang`, async () => {
      const { tenant, other } = await lines(true, { flavour });
      on.far.script("next", { ending: "no-capacity" });
      on.far.script("next", { ending: "a-busy" });
      const record = await tenant.ended((await dial(tenant)).callId);
      expect([...endOf(record), record.lineId]).toEqual(["busy", 3, "USER_BUSY", other?.id]);
    });
  }

  test("and no other line: its own report ends the call", async () => {
    const { tenant, first } = await lines(false);
    on.far.script("next", { ending: "no-capacity" });
    const { callId } = await dial(tenant);
    const record = await tenant.ended(callId);
    expect([...endOf(record), record.hangupCode, record.lineId]).toEqual([
      "failed",
      6,
      "NETWORK_ERROR",
      "no-capacity",
      first.id,
    ]);
    expect(await attempts(tenant, callId)).toHaveLength(1);
  });

  const emptyCdr = (callId: string, providerCallId: string, rang: string | null): string => {
    const nothing = { calledAt: null, rangAt: null, answeredAt: null };
    const a = { ...nothing, calledAt: rang, rangAt: rang };
    const end = { endedAt: on.clock.now().toISOString(), code: "completed", recording: null };
    return JSON.stringify({
      type: "cdr",
      callId: providerCallId,
      callRef: callId,
      attempt: 1,
      state: "ended",
      a,
      b: nothing,
      ...end,
    });
  };

  for (const rang of [false, true]) {
    test(`a CDR ${rang ? "with one leg that rang: nothing moves" : "without any leg: another line takes it"}`, async () => {
      const { tenant, first, other } = await lines(true);
      // What the far side would tell of its own comes after the test.
      on.far.script("next", { lateMs: 600_000 });
      const { callId } = await dial(tenant);
      const { providerCallId } = await tenant.record(callId);
      const at = rang ? on.clock.now().toISOString() : null;
      expect((await push(on, first, emptyCdr(callId, providerCallId, at))).status).toBe(200);
      const record = await tenant.ended(callId);
      expect(record.lineId).toBe(rang ? first.id : other?.id);
      expect(await attempts(tenant, callId)).toHaveLength(rang ? 1 : 2);
    });
  }

  test("but only after a phone had rung: nothing moves", async () => {
    const { tenant, first } = await lines(true);
    on.far.script("next", { silentAfterRinging: true });
    const { callId } = await dial(tenant);
    await on.until(callId, ({ status }) => status === "ringing", tenant.key);
    const { providerCallId } = await tenant.record(callId);
    const time = on.clock.now().toISOString();
    const report = {
      type: "event",
      callId: providerCallId,
      callRef: callId,
      attempt: 1,
      event: "hangup",
      leg: null,
      time,
    };
    expect((await push(on, first, JSON.stringify({ ...report, code: "no-capacity" }))).status).toBe(200);
    expect(endOf(await tenant.ended(callId))).toEqual(["failed", 6, "NETWORK_ERROR"]);
    expect(await attempts(tenant, callId)).toHaveLength(1);
  });
});
