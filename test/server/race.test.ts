import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import type { CallContext } from "../../src/calls/context.ts";
import { dial } from "../../src/calls/dial.ts";
import { drainOnce } from "../../src/inbox/drain.ts";
import { waitingCount } from "../../src/inbox/queue.ts";
import { customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { arrival, storeAll } from "./backlog.ts";
import { quietChannels } from "./quiet.ts";

const races = 500;
const atOnce = 25;
const neverMs = 3_600_000;

/** Opened by the test when the news of a call has been stored, so that both sides run at the same moment. */
const gates = new Map<string, { open(): void; opened: Promise<void> }>();
let on: TestService;

beforeAll(async () => {
  const before = async (callId: string): Promise<void> => {
    let open = (): void => {};
    const opened = new Promise<void>((done) => {
      open = done;
    });
    gates.set(callId, { open, opened });
    await opened;
  };
  on = await startTestService({ loadChannel: quietChannels({ hideCallId: true, before }), tickMs: neverMs });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

test("500 races of 'id stored' against 'event parked': no news stays parked", async () => {
  const lineId = await on.line("quiet");
  const ctx = on.service.calls;
  const line = await ctx.directory.line("default", lineId);
  if (line === null) throw new Error("no line");
  const drainers: CallContext[] = [
    { ...ctx, db: await on.database.reopen() },
    { ...ctx, db: await on.database.reopen() },
  ];
  let parkedFirst = 0;
  for (let done = 0; done < races; done += atOnce) {
    const dials = Array.from({ length: atOnce }, () =>
      dial(
        ctx,
        "default",
        { customerPhone: customer(0), agent: customer(0), callMethod: "auto", placeWithin: 30 },
        null,
      ),
    );
    while (gates.size < atOnce) await new Promise(setImmediate);
    const callIds = [...gates.keys()];
    const time = ctx.clock.now().toISOString();
    const ringing = (callId: string) => ({
      type: "event",
      callId: `p-${callId}`,
      callRef: "x",
      attempt: 1,
      event: "ringing",
      leg: "a",
      time,
      code: null,
    });
    await storeAll(
      ctx,
      callIds.map((callId) => arrival(line, ringing(callId), ctx.clock.now())),
    );
    const drained = Promise.all(
      drainers.map(async (drainer) => {
        for (let batch = await drainOnce(drainer, 3); batch !== null; batch = await drainOnce(drainer, 3))
          parkedFirst += batch.unmatched;
      }),
    );
    for (const gate of gates.values()) gate.open();
    gates.clear();
    await Promise.all([...dials, drained]);
  }
  // What was parked first has been put back by whoever stored its id; no clock has moved on since.
  while ((await ctx.db.run((q) => waitingCount(q, races))) > 0) await drainOnce(ctx);
  const [counted] = rows<{ parked: number; ringing: number }>(
    await ctx.db.run((q) =>
      q.execute(sql`select (select count(*)::int from parked) as parked,
        (select count(*)::int from call_records where status = 'ringing') as ringing`),
    ),
  );
  expect(counted).toEqual({ parked: 0, ringing: races });
  // The race was one: some news came first, and some ids did.
  expect(parkedFirst).toBeGreaterThan(0);
}, 120_000);
