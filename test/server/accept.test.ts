import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import { createAccept } from "../../src/inbox/accept.ts";
import { push } from "../push.ts";
import { startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { arrival } from "./backlog.ts";

let on: TestService;
beforeAll(async () => {
  on = await startTestService();
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const pushes = 500;

test("one NUL and one invalid UTF-8 among 500 deliveries: 500 acknowledged, 500 stored, two shown as malformed", async () => {
  const lineId = await on.line("pushed");
  const { body: shown } = await on.ask("GET", `/api/v1/calls/lines/${lineId}`);
  const line = await on.service.calls.directory.line("default", lineId);
  if (line === null) throw new Error("no line");
  const { secret } = line.config as { secret: string };
  const time = new Date().toISOString();
  const bodies = Array.from({ length: pushes }, (_, n): Uint8Array => {
    const event = {
      type: "event",
      callId: `f-${n}`,
      callRef: `call_foreign_${n}`,
      attempt: 1,
      event: "ringing",
      leg: "a",
      time,
      code: null,
    };
    if (n === 100) return new TextEncoder().encode(`${JSON.stringify(event)}\0`);
    if (n === 200) return Uint8Array.from([0xff, 0xfe, 0xc3, 0x28]);
    return new TextEncoder().encode(JSON.stringify(event));
  });
  const answers = await Promise.all(bodies.map((body) => push(shown.webhookUrl, secret, body)));
  expect(answers.filter((status) => status === 200)).toHaveLength(pushes);
  const count = async (what: ReturnType<typeof sql>): Promise<number> =>
    rows<{ n: number }>(await on.database.db.run((q) => q.execute(sql`select count(*)::int as n from ${what}`)))[0]
      ?.n ?? -1;
  expect(await count(sql`deliveries`)).toBe(pushes);
  while ((await count(sql`parked`)) < pushes) await new Promise(setImmediate);
  const { body: health } = await on.ask("GET", "/api/v1/health/callback-log");
  expect(health.parked).toEqual({ malformed: 2, unmatched: pushes - 2 });
}, 60_000);

test("a row that the database refuses is stored alone with its defect; the others of its group are stored as they are", async () => {
  const lineId = await on.line("pushed");
  const ctx = on.service.calls;
  const line = await ctx.directory.line("default", lineId);
  if (line === null) throw new Error("no line");
  const accept = createAccept(ctx, () => {});
  const before = await total();
  const group = Array.from({ length: 100 }, (_, n) => {
    const one = arrival(line, { n }, ctx.clock.now());
    return n === 37 ? { ...one, delivery: { ...one.delivery, kind: "k".repeat(33) } } : one;
  });
  await accept.accept(group);
  const after = await total();
  expect([after.all - before.all, after.defective - before.defective]).toEqual([100, 1]);

  async function total(): Promise<{ all: number; defective: number }> {
    const found = await ctx.db.run((q) =>
      q.execute(
        sql`select count(*)::int as all, count(*) filter (where defect = '22001' and kind = 'defective')::int as defective from deliveries`,
      ),
    );
    return rows<{ all: number; defective: number }>(found)[0] ?? { all: -1, defective: -1 };
  }
});
