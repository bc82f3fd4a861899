import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { normalize } from "../../channels/fake/map.ts";
import { rows } from "../../db/sql.ts";
import { projectedCells } from "../../src/calls/columns.ts";
import type { CallContext } from "../../src/calls/context.ts";
import { dial } from "../../src/calls/dial.ts";
import type { Fact, FactKind, FactValue } from "../../src/domain/fact.ts";
import { mergeFacts } from "../../src/domain/merge.ts";
import { project } from "../../src/domain/record.ts";
import type { Arrival } from "../../src/inbox/accept.ts";
import { drainOnce } from "../../src/inbox/drain.ts";
import { factOf } from "../../src/inbox/facts.ts";
import { takeTurns, waitingCount } from "../../src/inbox/queue.ts";
import { customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { arrival, storeAll } from "./backlog.ts";
import { quietChannels } from "./quiet.ts";

const callsMade = 1_000;
const deliveriesMade = 20_000;
const drains = 4;
const neverMs = 3_600_000;

let on: TestService;
beforeAll(async () => {
  on = await startTestService({ loadChannel: quietChannels(), tickMs: neverMs });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

test("four drains on one backlog of 20,000: records equal the merge of all events, and nothing waits in a circle", async () => {
  const lineId = await on.line("quiet");
  const ctx = on.service.calls;
  const line = await ctx.directory.line("default", lineId);
  if (line === null) throw new Error("no line");
  const random = mulberry(2026);
  const callIds: string[] = [];
  for (let from = 0; from < callsMade; from += 20) {
    const group = Array.from({ length: 20 }, () =>
      dial(
        ctx,
        "default",
        { customerPhone: customer(0), agent: customer(0), callMethod: "auto", placeWithin: 30 },
        null,
      ),
    );
    callIds.push(...(await Promise.all(group)).map((made) => made.callId));
  }
  const start = ctx.clock.now().getTime();
  const arrivals: Arrival[] = [];
  while (arrivals.length < deliveriesMade)
    arrivals.push(arrival(line, message(callIds, start, random), new Date(start + arrivals.length)));
  await storeAll(ctx, arrivals);

  const instances: CallContext[] = [];
  for (let n = 0; n < drains; n++) instances.push({ ...ctx, db: await on.database.reopen() });
  let handled = 0;
  await Promise.all(
    instances.map(async (instance) => {
      for (let batch = await drainOnce(instance); batch !== null; batch = await drainOnce(instance))
        handled += batch.deliveries;
    }),
  );
  // The service's own drain may have taken a share, and may still be at its last batch.
  expect(handled).toBeGreaterThan(0);
  await emptied(ctx);

  const stored = await facts(ctx);
  const told = new Map<string, Fact[]>();
  for (const one of arrivals) {
    for (const event of understood(one)) {
      const callId = event.ref.callId ?? "";
      if (callIds.includes(callId))
        told.set(callId, [...(told.get(callId) ?? []), factOf(ctx, "default", 1, event, one.received)]);
    }
  }
  expect(told.size).toBe(callsMade);
  const records = await recordsOf(ctx);
  const differing = callIds.filter((callId) => {
    const own = (stored.get(callId) ?? []).filter((fact) => ["sent", "placed"].includes(fact.kind));
    const row = records.get(callId);
    const terms = { ringTimeoutSeconds: 60, maxDurationSeconds: 3600, createdAt: Number(row?.created) };
    const projection = project(mergeFacts({}, [...own, ...(told.get(callId) ?? [])]), terms);
    const wanted = Object.entries(projectedCells(projection))
      .filter(([name]) => !name.startsWith("ch_audio"))
      .map(([name, cell]) => [name, plain(cell)]);
    const found = wanted.map(([name]) => [name, plain(row?.[String(name)])]);
    return JSON.stringify(wanted) !== JSON.stringify(found);
  });
  expect(differing).toEqual([]);
  const [aside] = rows<{ unmatched: number; malformed: number }>(
    await ctx.db.run((q) =>
      q.execute(sql`select count(*) filter (where reason = 'unmatched')::int as unmatched,
        count(*) filter (where reason = 'malformed')::int as malformed from parked`),
    ),
  );
  expect(aside?.unmatched).toBe(arrivals.filter((one) => text(one).includes("call_of_nobody")).length);
  expect(aside?.malformed).toBe(arrivals.filter((one) => text(one).startsWith("%")).length);
}, 120_000);

test("the two tables of the inbox take turns, and a row that comes meanwhile is not lost", async () => {
  const ctx = on.service.calls;
  const [line] = await ctx.directory.linesOf("default");
  if (line === undefined) throw new Error("no line");
  const before = await malformedCount(ctx);
  for (let turn = 0; turn < 4; turn++) {
    await storeAll(ctx, [arrival(line, "%", ctx.clock.now())]);
    await ctx.db.tx(takeTurns);
    await storeAll(ctx, [arrival(line, "%", ctx.clock.now())]);
    await emptied(ctx);
  }
  expect((await malformedCount(ctx)) - before).toBe(8);
  expect(
    rows(await ctx.db.run((q) => q.execute(sql`select 1 from inbox_turn where active in ('a', 'b')`))),
  ).toHaveLength(1);
});

/** Until nothing waits, whoever handles it. */
async function emptied(ctx: CallContext): Promise<void> {
  while ((await ctx.db.run((q) => waitingCount(q, deliveriesMade))) > 0) await drainOnce(ctx);
}

async function malformedCount(ctx: CallContext): Promise<number> {
  const found = await ctx.db.run((q) =>
    q.execute(sql`select count(*)::int as n from parked where reason = 'malformed'`),
  );
  return rows<{ n: number }>(found)[0]?.n ?? -1;
}

const text = (one: Arrival): string => new TextDecoder().decode(one.delivery.body);

function understood(one: Arrival) {
  try {
    return normalize({ ...one.delivery, receivedAt: one.received });
  } catch {
    return [];
  }
}

/** Any message that the provider may send: known and unknown events, last words, foreign calls, garbage. */
function message(callIds: readonly string[], start: number, random: () => number): unknown {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  if (random() < 0.01) return "%garbage";
  const callRef = random() < 0.02 ? "call_of_nobody" : pick(callIds);
  const time = (): string => new Date(start + Math.floor(random() * 30) * 1000).toISOString();
  const base = { callId: `p-${callRef}`, callRef, attempt: 1 };
  if (random() < 0.15) {
    const leg = () => ({
      calledAt: time(),
      rangAt: random() < 0.8 ? time() : null,
      answeredAt: random() < 0.6 ? time() : null,
    });
    const code = pick(["completed", "b-busy", "a-no-answer", "b-vacant", "never-heard-of"]);
    return { ...base, type: "cdr", state: "hangup", a: leg(), b: leg(), endedAt: time(), code, recording: null };
  }
  const event = pick(["calling", "ringing", "answered", "hangup", "applause"]);
  const code = event === "hangup" ? pick(["completed", "b-busy", "cancelled"]) : null;
  return { ...base, type: "event", event, leg: event === "hangup" ? null : pick(["a", "b"]), time: time(), code };
}

async function facts(ctx: CallContext): Promise<Map<string, Fact[]>> {
  const found = rows<{
    call_id: string;
    attempt: number;
    kind: FactKind;
    at: string;
    authority: Fact["authority"];
    value: FactValue;
    hash: string;
  }>(
    await ctx.db.run((q) =>
      q.execute(
        sql`select call_id, attempt, kind, at::text, authority, value, hash from events where delivery_id is null`,
      ),
    ),
  );
  return Map.groupBy(
    found.map((row) => ({ ...row, callId: row.call_id, leg: null, at: new Date(row.at).getTime() })),
    (row) => row.callId,
  );
}

async function recordsOf(ctx: CallContext): Promise<Map<string, Record<string, unknown>>> {
  const found = rows<Record<string, unknown>>(
    await ctx.db.run((q) => q.execute(sql`select *, extract(epoch from created) * 1000 as created from call_records`)),
  );
  return new Map(found.map((row) => [String(row.call_id), row]));
}

/** Both sides in one form: times as milliseconds, arrays as written, numbers as text. */
function plain(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return String(value.getTime());
  if (Array.isArray(value)) return `{${value.join(",")}}`;
  if (typeof value === "string" && /^\d{4}-\d\d-\d\d /.test(value)) return String(new Date(value).getTime());
  return String(value);
}

function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
