/** Limits under chaos: four processes on one database, dialing as fast as they can, killed at random. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { type FakeProvider, startFakeProvider } from "../../channels/fake/fake.ts";
import { rows } from "../../db/sql.ts";
import { openTestDatabase, type TestDatabase } from "../database.ts";
import { customer, type Json, startTimeoutMs } from "../service.ts";
import { freePort, type Running, startProcess } from "./process.ts";

const processes = 4;
const workers = 64;
const dialsMax = 20_000;
const loadMs = 120_000;
const suiteTimeoutMs = 300_000;
const concurrent = 10;
const perSecond = 30;
const daily = 50;
/** By so much may the clocks of two processes differ. */
const skewMs = 100;

const key = `hk_${randomBytes(20).toString("hex")}`;
const folder = mkdtempSync(join(tmpdir(), "hualu-limits-"));
let database: TestDatabase;
let far: FakeProvider;
let environments: Record<string, string>[];
/** Each is replaced when it is killed; workers await the one in their place. */
const running: Promise<Running>[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
  const { url } = database;
  if (url === null) throw new Error("this suite needs a server: set TEST_DATABASE_URL");
  far = await startFakeProvider({ keepEnded: 100_000 });
  const secretKey = randomBytes(32).toString("base64");
  environments = Array.from({ length: processes }, (_, index) => ({
    PORT: String(freePort()),
    HOST: "127.0.0.1",
    DATABASE_URL: url,
    HUALU_DATA_DIR: join(folder, String(index)),
    HUALU_ADMIN_KEY: key,
    HUALU_ALLOW_NETWORKS: "127.0.0.1",
    HUALU_SECRET_KEY: secretKey,
    LOG_LEVEL: "error",
  }));
}, startTimeoutMs);
afterAll(async () => {
  for (const one of running) await (await one).stop();
  await far.stop();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
}, startTimeoutMs);

async function send(
  { url }: Running,
  method: string,
  path: string,
  body: unknown,
): Promise<{ status: number; body: Json }> {
  const answer = await fetch(url.replace("localhost", "127.0.0.1") + path, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.json() };
}

async function makeLine(accountId: string, speed: number, limits: object): Promise<number> {
  const secret = randomBytes(16).toString("hex");
  far.addAccount(accountId, secret);
  const providerConfig = { baseUrl: far.url, accountId, secret, speed };
  const body = { name: accountId, providerType: "fake", providerConfig, ...limits };
  return (await send(await (running[0] as Promise<Running>), "POST", "/api/v1/calls/lines", body)).body.id;
}

const ask = async <Row>(statement: ReturnType<typeof sql>): Promise<Row[]> =>
  rows<Row>(await database.db.run((q) => q.execute(statement)));

const openOn = async (lineId: number): Promise<number> =>
  (await ask<{ n: number }>(sql`select count(*)::int as n from call_attempts where line_id = ${lineId} and open`))[0]
    ?.n ?? 0;

/** The most intervals that share a moment; one that ends when another begins does not share it. */
function mostAtOnce(all: readonly { from: number; until: number }[]): number {
  const intervals = all.filter(({ from, until }) => from < until);
  const steps = intervals.flatMap(({ from, until }) => [
    { at: from, by: 1 },
    { at: until, by: -1 },
  ]);
  steps.sort((one, other) => one.at - other.at || one.by - other.by);
  let [now, most] = [0, 0];
  for (const { by } of steps) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

function mostInOneSecond(times: readonly number[]): number {
  const sorted = times.toSorted((one, other) => one - other);
  let [first, most] = [0, 0];
  for (const [last, at] of sorted.entries()) {
    while (at - (sorted[first] ?? at) >= 1_000) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

test(
  `${workers} workers, ${processes} processes, kills -9: no limit is ever exceeded, and no slot stays taken`,
  async () => {
    // The first alone: it makes the tenant and its demo lines.
    running[0] = startProcess(environments[0] ?? {});
    await running[0];
    for (let n = 1; n < processes; n++) running[n] = startProcess(environments[n] ?? {});
    const crowded = await makeLine("crowded", 50, { maxConcurrent: concurrent });
    const rated = await makeLine("rated", 1_000, { perSecond });
    const counted = await makeLine("counted", 1_000, { dailyLimit: daily });
    const lines = [crowded, rated, counted];
    await Promise.all(running);

    const until = performance.now() + loadMs;
    const isOver = (): boolean => dials >= dialsMax || performance.now() > until;
    const rules = new Set<string>();
    let dials = 0;
    let mostOpen = 0;
    let kills = 0;

    async function work(worker: number): Promise<void> {
      while (!isOver()) {
        const one = await (running[worker % processes] as Promise<Running>);
        dials += 1;
        // Mostly talks; some are busy. Refusals and lost answers are so rare that their lines stay in use.
        const digit = { 13: 6, 37: 7 }[dials % 64] ?? [0, 0, 0, 3][dials % 4] ?? 0;
        const body = {
          customerPhone: customer(digit),
          agent: customer(0),
          lineId: lines[dials % 3],
          ringTimeout: 5,
          maxDuration: 60,
        };
        const status = await send(one, "POST", "/api/v1/calls/dial", body).then(
          (answer) => {
            if (answer.status === 429) rules.add(answer.body.rule);
            return answer.status;
          },
          () => 0,
        );
        if (status === 429 || status === 0) await Bun.sleep(20);
      }
    }
    async function kill(): Promise<void> {
      while (!isOver()) {
        await Bun.sleep(300 + Math.random() * 1_500);
        const which = Math.floor(Math.random() * processes);
        const victim = await (running[which] as Promise<Running>);
        await victim.kill();
        kills += 1;
        running[which] = startProcess(environments[which] ?? {});
        await running[which];
      }
    }
    async function look(): Promise<void> {
      while (!isOver()) {
        mostOpen = Math.max(mostOpen, await openOn(crowded));
        await Bun.sleep(20);
      }
    }
    await Promise.all([...Array.from({ length: workers }, (_, worker) => work(worker)), kill(), look()]);

    // Whatever the kills left behind is looked up at the provider, and over.
    const someOpen = async (): Promise<boolean> => {
      for (const line of lines) if ((await openOn(line)) > 0) return true;
      return false;
    };
    while (await someOpen()) await Bun.sleep(200);
    const [held] = await ask<{ n: number }>(
      sql`select count(*)::int as n from call_attempts where held_until is not null`,
    );
    const [seats] = await ask<{ n: number }>(sql`select count(*)::int as n from leases where call_id is not null`);
    expect([held?.n, seats?.n]).toEqual([0, 0]);

    // As the provider saw it, and as the records say.
    const farCalls = far.calls.map((call) => ({
      account: call.account,
      from: call.acceptedAt.getTime(),
      until: call.endedAt?.getTime() ?? Number.POSITIVE_INFINITY,
    }));
    const atProvider = mostAtOnce(farCalls.filter(({ account }) => account === "crowded"));
    const recorded = await ask<{ line_id: number; sent: string; closed: string; day: string; outcome: string }>(sql`
      select attempt.line_id, attempt.sent::text as sent, record.close_time::text as closed, attempt.outcome
      from call_attempts attempt join call_records record on record.call_id = attempt.call_id`);
    const of = (line: number) => recorded.filter(({ line_id }) => line_id === line);
    const inRecords = mostAtOnce(
      of(crowded).map(({ sent, closed }) => ({ from: Date.parse(sent), until: Date.parse(closed) - skewMs })),
    );
    expect(Math.max(atProvider, inRecords, mostOpen)).toBeLessThanOrEqual(concurrent);
    const fastest = mostInOneSecond(of(rated).map(({ sent }) => Date.parse(sent)));
    expect(fastest).toBeLessThanOrEqual(perSecond);
    const taken = farCalls.filter(({ account }) => account === "counted").length;
    expect(taken).toBeLessThanOrEqual(daily);

    const seen = { dials, kills, atProvider, inRecords, mostOpen, concurrent, fastest, perSecond, taken, daily };
    process.stdout.write(`${JSON.stringify(seen)}\n`);
    // The limits were reached, and the kills hit calls.
    expect([...rules].sort()).toEqual(["concurrency", "daily", "rate"]);
    expect(kills).toBeGreaterThan(4);
    expect(dials).toBeGreaterThan(1_000);
  },
  suiteTimeoutMs,
);
