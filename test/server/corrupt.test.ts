import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { drainOnce } from "../../src/inbox/drain.ts";
import { startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { arrival, storeAll } from "./backlog.ts";

const neverMs = 3_600_000;
let on: TestService;
beforeAll(async () => {
  on = await startTestService({ tickMs: neverMs });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

test("a delivery whose bytes rot on the disk is set aside, and those beside it are handled", async () => {
  const lineId = await on.line("pushed");
  const ctx = on.service.calls;
  const line = await ctx.directory.line("default", lineId);
  if (line === null) throw new Error("no line");
  const message = (callRef: string) => ({
    type: "event",
    callId: callRef,
    callRef,
    attempt: 1,
    event: "applause",
    leg: null,
    time: new Date().toISOString(),
    code: null,
  });
  await storeAll(
    ctx,
    ["call_x1", "call_x2", "call_x3"].map((id) => arrival(line, message(id), ctx.clock.now())),
  );
  await ctx.db.run((q) =>
    q.execute(sql`update deliveries set sealed = left(sealed, 40) || 'AAAA' || substr(sealed, 45)
      where id = (select min(id) from deliveries)`),
  );
  expect(await drainOnce(ctx)).toMatchObject({ deliveries: 3, malformed: 1, unmatched: 2 });
  expect(await drainOnce(ctx)).toBeNull();
});
