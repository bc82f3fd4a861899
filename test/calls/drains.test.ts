/** One bad row costs no other row anything, however many drains meet it. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Arrival, storeArrivals } from "../../src/inbox/accept.ts";
import { drainOnce } from "../../src/inbox/drain.ts";
import { type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { lineOf } from "./variant.ts";

let on: TestService;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  // Nothing drains but what the test starts.
  on = await startTestService({ tickMs: 3_600_000 });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

test("of many drains at once, all set aside the bad row and none a good one", async () => {
  const { id: lineId, accountId } = await lineOf(on);
  const ctx = on.service.calls;
  const line = await ctx.directory.line("default", lineId);
  if (line === null) throw new Error("no line");
  expect(accountId).not.toBe(line.accountId);
  const message = (callRef: string, word: string): Json => ({
    type: "event",
    callId: `fk-${callRef}`,
    callRef,
    attempt: 1,
    event: word,
    leg: "a",
    time: ctx.clock.now().toISOString(),
    code: null,
  });
  const arrival = (body: Json): Arrival => ({
    tenant: "default",
    accountId: line.accountId,
    channel: "fake",
    source: "push",
    received: ctx.clock.now(),
    delivery: { kind: "event", body: Buffer.from(JSON.stringify(body)) },
  });
  const bad = arrival(message("call_\u0000", "ringing"));
  const good = Array.from({ length: 12 }, (_, n) => arrival(message(`call_nope_${n}`, "ringing")));
  await ctx.db.tx((q) => storeArrivals(ctx, q, [bad, ...good]));
  await ctx.directory.accountLines(line.accountId);
  const drains = await Promise.all(Array.from({ length: 4 }, async () => ({ ...ctx, db: await on.database.reopen() })));
  await Promise.all(
    drains.map(async (one) => {
      while ((await drainOnce(one)) !== null);
    }),
  );
  const { body } = await on.ask("GET", "/api/v1/health/callback-log");
  expect([body.backlog, body.parked]).toEqual([0, { malformed: 1, unmatched: 12 }]);
});
