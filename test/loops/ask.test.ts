/** Whom providers are asked about first, how fast, and what one that hangs costs the others. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { paceOf } from "../../src/loops/ask.ts";
import { lineOf, outcomesOf, type Variant, variants } from "../calls/variant.ts";
import { customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";

let on: TestService;
const hanging = { asked: Promise.withResolvers<void>(), goesOn: Promise.withResolvers<void>() };
const minuteMs = 60_000;
setDefaultTimeout(60_000);

const narrow: Variant = {
  definition: {
    quota: () => ({ followPerMinute: 60, followBatchMax: 1, followEveryMs: 1_000, pollEveryMs: 1_000 }),
    lookup: () => ({ settleAfterMs: 1_000, absentProvesForMs: minuteMs }),
    hasFeed: () => false,
  },
};
/** No feed tells what asking would. */
const sound: Variant = { definition: { hasFeed: () => false } };
const hangs: Variant = {
  ...sound,
  channel: (channel) => ({
    ...channel,
    async follow() {
      hanging.asked.resolve();
      await hanging.goesOn.promise;
      return [];
    },
  }),
};

beforeAll(async () => {
  on = await startTestService({ loadChannel: variants({ hangs, narrow, sound }) });
}, startTimeoutMs);
afterAll(() => {
  hanging.goesOn.resolve();
  return on.stop();
}, startTimeoutMs);

test("in no minute are there more requests than the quota, however turns are late, slow or small", () => {
  const turn = fc.record({ lateMs: fc.nat(2_500), tookMs: fc.nat(3_000), asked: fc.nat(200) });
  const day = fc.record({
    perMinute: fc.integer({ min: 1, max: 10_000 }),
    turns: fc.array(turn, { minLength: 80, maxLength: 200 }),
  });
  const most = fc.record({
    perMinute: fc.integer({ min: 1, max: 10_000 }),
    turns: fc.constant(Array.from({ length: 150 }, () => ({ lateMs: 0, tookMs: 0, asked: 200 }))),
  });
  fc.assert(
    fc.property(fc.oneof(day, most), ({ perMinute, turns }) => {
      const { requestsMax, requestMs } = paceOf(perMinute);
      let due = 0;
      const made: { began: number; ended: number; count: number }[] = [];
      for (const { lateMs, tookMs, asked } of turns) {
        const began = due + lateMs;
        const ended = began + tookMs;
        const count = Math.min(asked, requestsMax);
        made.push({ began, ended, count });
        due = Math.ceil(Math.max(due, ended - 1_000) + count * requestMs);
      }
      // When within its turn a request arrives is not known: whatever may lie in a minute counts.
      const sums = made.map(({ ended: from }) =>
        made.reduce((sum, { began, ended, count }) => sum + (ended >= from && began < from + minuteMs ? count : 0), 0),
      );
      const fullest = Math.max(...sums);
      return fullest <= perMinute;
    }),
  );
});

test("a provider that hangs keeps nobody else's calls waiting", async () => {
  const stuck = await lineOf(on, { provider: "hangs", config: { flavour: "poll" } });
  const line = await lineOf(on, { provider: "sound", config: { flavour: "poll" } });
  await on.dial({ customerPhone: customer(0), agent: customer(0), lineId: stuck.id });
  await hanging.asked.promise;
  const { body } = await on.dial({ customerPhone: customer(0), agent: customer(0), lineId: line.id });
  expect((await on.ended(body.callId)).status).toBe("ended");
  hanging.goesOn.resolve();
});

test("a placement of unknown outcome is looked up before the live calls that wait for their turn", async () => {
  const line = await lineOf(on, { provider: "narrow", config: { flavour: "poll", speed: 1 } });
  const live = 20;
  const asked = (): number => on.far.requests["POST /v1/calls/states"] ?? 0;
  for (let n = 0; n < live; n++) await on.dial({ customerPhone: customer(0), agent: customer(0), lineId: line.id });
  const { body } = await on.dial({ customerPhone: customer(7), agent: customer(0), lineId: line.id });
  const before = asked();
  expect(before).toBeGreaterThan(0);
  on.clock.advance(5_000);
  const placed = async (): Promise<boolean> => (await outcomesOf(on, body.callId))[0] === "placed";
  while (!(await placed())) await on.ask("GET", `/api/v1/calls/${body.callId}/status?wait=0.05&version=1000000`);
  expect(asked() - before).toBeLessThan(live / 2);
});
