/** Several instances, one view: through the real database, in virtual time. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { sql } from "drizzle-orm";
import type { Database } from "../../db/client.ts";
import { createSeal } from "../../db/seal.ts";
import { DatabaseError, rows } from "../../db/sql.ts";
import { createSettingsBook } from "../../src/auth/settings.ts";
import { makeTenant } from "../../src/auth/tenants.ts";
import type { Clock } from "../../src/clock.ts";
import type { Context } from "../../src/context.ts";
import { createHealth, type Health, type HeardOf } from "../../src/health/health.ts";
import { createDirectory, type Line } from "../../src/lines/directory.ts";
import { createLine } from "../../src/lines/lines.ts";
import { createLog } from "../../src/log.ts";
import { appendLineEvents } from "../../src/outbox/line-events.ts";
import { variants } from "../calls/variant.ts";
import { openTestDatabase, type TestDatabase } from "../database.ts";
import { startTimeoutMs } from "../service.ts";

setDefaultTimeout(60_000);
let database: TestDatabase;
let nowMs = Date.UTC(2026, 0, 1);
/** Nobody's deadline comes by itself here. */
const clock: Clock = {
  now: () => new Date(nowMs),
  sleep: (_, signal) => new Promise((done) => signal?.addEventListener("abort", () => done())),
  correct: () => {},
};
const loadChannel = variants({ well: { channel: (channel) => ({ ...channel, probe: async () => {} }) } });
const seal = createSeal(randomBytes(32));
const logged: string[] = [];

interface Instance {
  health: Health;
  ctx: Context;
  line(id: number): Promise<Line>;
  /** As when its database does not answer. */
  away: boolean;
}

async function start(): Promise<Instance> {
  const real = await database.reopen();
  const refuse = (): never => {
    throw new DatabaseError("unreachable", null, null);
  };
  const db: Database = {
    ...real,
    tx: async (work) => (instance.away ? refuse() : real.tx(work)),
    run: async (work) => (instance.away ? refuse() : real.run(work)),
  };
  const ctx: Context = { db, seal, clock, log: createLog("info", (line) => logged.push(line)), randomBytes };
  const directory = createDirectory(ctx, { loadChannel, fetch: async () => Response.error() });
  const health = createHealth(ctx, {
    directory,
    append: (q, transitions) => appendLineEvents(ctx, q, transitions),
    told() {},
    wake() {},
  });
  const instance: Instance = {
    health,
    ctx,
    away: false,
    async line(id) {
      const line = await directory.line("one", id);
      if (line === null) throw new Error("no such line");
      return line;
    },
  };
  await health.runOnce();
  return instance;
}

async function newLine(): Promise<number> {
  const ctx: Context = { db: database.db, seal, clock, log: createLog("silent", () => {}), randomBytes };
  const directory = createDirectory(ctx, { loadChannel, fetch: async () => Response.error() });
  const providerConfig = {
    baseUrl: "http://127.0.0.1:1",
    accountId: randomBytes(4).toString("hex"),
    secret: "s".repeat(32),
  };
  const made = await createLine(
    ctx,
    { directory, settings: createSettingsBook(ctx), loadChannel, publicUrl: () => "" },
    "one",
    {
      name: "line",
      providerType: "well",
      providerConfig,
    },
  );
  nowMs += 10_000;
  return made.id;
}

let calls = 0;
function newCall(): string {
  calls += 1;
  return `call_20260101_${String(calls).padStart(16, "0")}`;
}

async function place(on: Instance, id: number, outcome: "placed" | "failed", ms = 100): Promise<string> {
  const line = await on.line(id);
  const attempt = { callId: newCall(), number: 1 };
  on.health.started(line, attempt);
  nowMs += ms;
  on.health.finished(
    line,
    attempt,
    outcome === "placed" ? { is: "placed" } : { is: "refused", kind: "refused", cause: "server" },
  );
  return attempt.callId;
}

/** Time passes with the service at work. */
async function pass(on: Instance, ms: number): Promise<void> {
  for (const until = nowMs + ms; nowMs < until; ) {
    nowMs += 1_000;
    await on.health.flush();
  }
}

function news(lineId: number, callId: string): HeardOf {
  const times = { sent: nowMs - 500, received: nowMs, rang: null };
  return { callId, number: 1, lineId, ...times, pushed: true, answered: null };
}

/** Straight from the outbox: the feed waits for whoever else has a transaction open on this server. */
async function eventsOf(id: number): Promise<string[]> {
  const found = await database.db.run((q) =>
    q.execute(sql`select topic, payload from outbox where call_id = ${`line_${id}`} order by version`),
  );
  return rows<{ topic: string; payload: string }>(found).map(
    ({ topic, payload }) => `${topic} ${JSON.parse(seal.open("one", payload)).cause}`,
  );
}

/** Half open: the ejection is over, and the probes are well. */
async function untilTrial(one: Instance, other: Instance, id: number): Promise<void> {
  for (let n = 0; n < 100 && !(one.health.viewOf(id).trial && other.health.viewOf(id).trial); n++) {
    nowMs += 2_000;
    await one.health.probeNow(await one.line(id));
    await other.health.flush();
  }
}

beforeAll(async () => {
  database = await openTestDatabase();
  await makeTenant({ db: database.db, seal, clock, log: createLog("silent", () => {}), randomBytes }, "one", "One");
}, startTimeoutMs);
afterAll(() => database.close(), startTimeoutMs);

test("what two instances see apart is one line's evidence, and its change is told once", async () => {
  const id = await newLine();
  const [a, b] = [await start(), await start()];
  for (let n = 0; n < 3; n++) await place(a, id, "failed");
  for (let n = 0; n < 2; n++) await place(b, id, "failed");
  expect([a.health.viewOf(id).state, b.health.viewOf(id).state]).toEqual(["up", "up"]);
  await Promise.all([a.health.flush(), b.health.flush()]);
  await Promise.all([a.health.flush(), b.health.flush()]);
  expect([a.health.viewOf(id).state, b.health.viewOf(id).state]).toEqual(["down", "down"]);
  expect(await eventsOf(id)).toEqual(["line.down failing"]);
  const listed = await database.db.run((q) => q.execute(sql`select health from call_lines where id = ${id}`));
  expect(rows<{ health: string }>(listed)).toEqual([{ health: "down" }]);
  expect(logged.filter((line) => line.includes('"kind":"up down"') && line.includes(`"lineId":${id},`))).toHaveLength(
    1,
  );
});

test("an instance leaves a line at once, before anything is written", async () => {
  const id = await newLine();
  const a = await start();
  for (let n = 0; n < 5; n++) await place(a, id, "failed");
  expect(a.health.viewOf(id)).toMatchObject({ state: "down", share: 0 });
  expect(await eventsOf(id)).toEqual([]);
});

test("what is seen while a write is under way is not forgotten by it", async () => {
  const id = await newLine();
  const a = await start();
  const line = await a.line(id);
  await place(a, id, "failed");
  const written = a.health.flush();
  for (let n = 0; n < 10; n++) await Promise.resolve();
  for (let n = 0; n < 4; n++) {
    const attempt = { callId: newCall(), number: 1 };
    a.health.started(line, attempt);
    a.health.finished(line, attempt, { is: "refused", kind: "refused", cause: "server" });
  }
  await written;
  expect(a.health.viewOf(id).state).toBe("down");
  expect(await eventsOf(id)).toEqual([]);
  await a.health.flush();
  expect(await eventsOf(id)).toEqual(["line.down failing"]);
});

test("a placement that hangs is seen by asking, and by whoever flushes", async () => {
  const id = await newLine();
  const [a, b] = [await start(), await start()];
  const line = await a.line(id);
  for (let n = 0; n < 5; n++) a.health.started(line, { callId: newCall(), number: 1 });
  nowMs += 500;
  expect(a.health.viewOf(id).state).toBe("up");
  nowMs += 100;
  expect(a.health.viewOf(id)).toMatchObject({ state: "down", uncertain: true });
  await a.health.flush();
  await b.health.flush();
  expect(b.health.viewOf(id)).toMatchObject({ state: "down", uncertain: true });
});

test("two instances do not open a line together", async () => {
  const id = await newLine();
  const [a, b] = [await start(), await start()];
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 6 && a.health.viewOf(id).state !== "down"; n++) await place(a, id, "failed");
    await a.health.flush();
    await untilTrial(a, b, id);
    expect([a.health.viewOf(id).trial, b.health.viewOf(id).trial]).toEqual([true, true]);
    const trials = [a, b, a, b].map((on) => ({ on, callId: newCall() }));
    const taken = await Promise.all(trials.map(({ on, callId }) => on.health.takeTrial(id, callId)));
    expect(taken.filter(Boolean)).toHaveLength(1);
    await Promise.all([a.health.flush(), b.health.flush()]);
    expect([a.health.viewOf(id).trial, b.health.viewOf(id).trial]).toEqual([false, false]);
    const trial = trials[taken.indexOf(true)];
    if (trial === undefined) throw new Error("nobody tries");
    const line = await trial.on.line(id);
    trial.on.health.started(line, { callId: trial.callId, number: 1 });
    trial.on.health.finished(line, { callId: trial.callId, number: 1 }, { is: "placed" });
    expect(trial.on.health.viewOf(id).state).toBe("up");
    await trial.on.health.flush();
    await Promise.all([a.health.flush(), b.health.flush()]);
    for (const on of [a, b]) expect(on.health.viewOf(id).share).toBeCloseTo(0.1, 2);
  }
  expect(await eventsOf(id)).toEqual([1, 2, 3].flatMap(() => ["line.down failing", "line.up recovered"]));
});

test("a restart does not forget: neither a line that is down, nor calls that nobody has heard of", async () => {
  const [sick, quiet, told] = [await newLine(), await newLine(), await newLine()];
  const a = await start();
  for (let n = 0; n < 5; n++) await place(a, sick, "failed");
  for (const id of [quiet, told]) for (let n = 0; n < 5; n++) await place(a, id, "placed");
  await a.health.flush();
  nowMs += 5_000;
  const b = await start();
  expect(b.health.viewOf(sick).state).toBe("down");
  b.health.heard([news(told, newCall())]);
  await pass(b, 40_000);
  expect([b.health.viewOf(quiet).state, b.health.viewOf(told).state]).toEqual(["down", "up"]);
  expect(await eventsOf(quiet)).toEqual(["line.down silent"]);
});

test("while the database is away the local view goes on, and is written when it is back", async () => {
  const id = await newLine();
  const [a, b] = [await start(), await start()];
  a.away = true;
  for (let n = 0; n < 5; n++) await place(a, id, "failed");
  expect(a.health.viewOf(id).state).toBe("down");
  expect(await a.health.flush().catch((error) => error.code)).toBe("unreachable");
  nowMs += 1_000;
  expect([a.health.viewOf(id).state, b.health.viewOf(id).state]).toEqual(["down", "up"]);
  a.away = false;
  await a.health.flush();
  await b.health.flush();
  expect([a.health.viewOf(id).state, b.health.viewOf(id).state]).toEqual(["down", "down"]);
  expect(await eventsOf(id)).toEqual(["line.down failing"]);
});

test("while news could not be taken in, nobody is called silent", async () => {
  const id = await newLine();
  const a = await start();
  for (let n = 0; n < 5; n++) await place(a, id, "placed");
  await a.health.flush();
  a.away = true;
  for (let n = 0; n < 40; n++) {
    nowMs += 1_000;
    expect(a.health.viewOf(id).state).toBe("up");
    await a.health.flush().catch(() => {});
  }
  a.away = false;
  await pass(a, 30_000);
  expect(a.health.viewOf(id).state).toBe("up");
  // Providers have had their time to repeat what they could not deliver.
  await pass(a, 60_000);
  expect(a.health.viewOf(id).state).toBe("down");
});

test("an operator's word holds everywhere and over a restart", async () => {
  const id = await newLine();
  const [a, b] = [await start(), await start()];
  await a.health.hold(await a.line(id), "key_1", "maintenance");
  await b.health.flush();
  const c = await start();
  expect([a, b, c].map(({ health }) => health.viewOf(id).state)).toEqual(["held", "held", "held"]);
  await c.health.release(await c.line(id));
  await a.health.flush();
  expect(a.health.viewOf(id)).toMatchObject({ state: "up" });
  expect(a.health.viewOf(id).share).toBeLessThan(0.2);
  expect(await eventsOf(id)).toEqual(["line.held operator", "line.up released"]);
});
