import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { type FakeProvider, startFakeProvider } from "../../channels/fake/fake.ts";
import { createSeal } from "../../db/seal.ts";
import { rows } from "../../db/sql.ts";
import { unpackDelivery } from "../../src/inbox/pack.ts";
import { findNoCanary } from "../canary.ts";
import { openTestDatabase, type TestDatabase } from "../database.ts";
import { push } from "../push.ts";
import { customer, type Json, startTimeoutMs } from "../service.ts";
import { freePort, type Running, startProcess } from "./process.ts";

const kills = 32;
const dialsEach = 8;
const pushesEach = 24;
const killAtLatestMs = 3_000;
const suiteTimeoutMs = 400_000;

const key = `hk_${randomBytes(20).toString("hex")}`;
const secretKey = randomBytes(32);
const dataDir = mkdtempSync(join(tmpdir(), "hualu-kill-"));
let database: TestDatabase;
let far: FakeProvider;
let env: Record<string, string>;
const logs: string[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
  if (database.url === null) throw new Error("this suite needs a server: set TEST_DATABASE_URL");
  far = await startFakeProvider();
  env = {
    PORT: String(freePort()),
    HOST: "127.0.0.1",
    DATABASE_URL: database.url,
    HUALU_DATA_DIR: dataDir,
    HUALU_ADMIN_KEY: key,
    HUALU_ALLOW_NETWORKS: "127.0.0.1",
    HUALU_SECRET_KEY: secretKey.toString("base64"),
    LOG_LEVEL: "trace",
  };
}, startTimeoutMs);
afterAll(async () => {
  await far.stop();
  const dump = await database.dump();
  await database.close();
  rmSync(dataDir, { recursive: true });
  if (logs.join("").length === 0) throw new Error("the log is empty: there was nothing to look at");
  // The welcome is for the person at the terminal and holds the demo customer's number; log lines are JSON.
  const logged = logs.flatMap((output) => output.split("\n").filter((line) => line.startsWith("{")));
  findNoCanary({ texts: { log: logged.join("\n"), database: dump }, secrets: [key] });
}, startTimeoutMs);

interface Asked {
  phone: string;
  lineId: number;
  idempotencyKey: string;
}

test(
  `${kills} kills -9, each with dials and batches under way: nothing acknowledged is lost, nobody rings twice, every call ends`,
  async () => {
    const first = await startProcess(env);
    const lines = await makeLines(first);
    const pushed = await webhookOf(first, lines[0] ?? 0);
    await first.stop();
    logs.push(first.output());
    const asked: Asked[] = [];
    const acknowledged: string[] = [];
    let underWay = 0;
    let killsInFlight = 0;
    for (let round = 0; round < kills; round++) {
      const running = await startProcess(env);
      const work: Promise<unknown>[] = [];
      const follow = (promise: Promise<unknown>): void => {
        underWay += 1;
        work.push(promise.catch(() => null).finally(() => (underWay -= 1)));
      };
      for (let n = 0; n < dialsEach; n++) {
        const one = {
          phone: customer(endingOf(round, n)),
          lineId: lines[n % lines.length] ?? 0,
          idempotencyKey: randomBytes(12).toString("hex"),
        };
        asked.push(one);
        follow(dial(running, one));
      }
      for (let n = 0; n < pushesEach; n++) {
        const id = `foreign-${round}-${n}`;
        const event = {
          type: "event",
          callId: id,
          callRef: `call_${id.replaceAll("-", "_")}`,
          attempt: 1,
          event: "ringing",
          leg: "a",
          time: new Date().toISOString(),
          code: null,
        };
        follow(
          push(pushed.url, pushed.secret, JSON.stringify(event)).then(
            (status) => status === 200 && acknowledged.push(id),
          ),
        );
      }
      // Somewhere between the first request and the last answer, elsewhere in each round.
      const before = acknowledged.length;
      const enough = (): boolean => acknowledged.length - before >= round % 8;
      for (let waited = 0; !enough() && waited < killAtLatestMs; waited += 2) await Bun.sleep(2);
      if (underWay > 0) killsInFlight += 1;
      await running.kill();
      await Promise.all(work);
      logs.push(running.output());
    }
    expect(killsInFlight).toBeGreaterThanOrEqual(30);

    const last = await startProcess(env);
    const seal = createSeal(secretKey);
    // An app that got no answer asks again with the same key.
    const answers: Json[] = [];
    for (const one of asked) answers.push(await dial(last, one));
    // A line that its health keeps out takes no new call; a call that was begun before is told of all the same.
    const made = answers.filter(({ callId }) => callId !== undefined).length;
    expect(answers.filter(({ callId, code }) => callId === undefined && code !== "unavailable")).toEqual([]);
    expect(made).toBeGreaterThan(asked.length / 2);
    const stored = new Set(
      rows<{ sealed: string; tenant: string }>(
        await database.db.run((q) => q.execute(sql`select tenant, sealed from deliveries`)),
      ).map(
        ({ tenant, sealed }) =>
          JSON.parse(new TextDecoder().decode(unpackDelivery("", seal.openBytes(tenant, sealed)).body)).callId,
      ),
    );
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);

    await allEnded(made);
    logs.push(last.output());
    expect(await last.stop()).toBe(0);
    const twice = asked.filter(({ phone }) => far.ringsOf(`+86${phone}`).a > 1 || far.ringsOf(`+86${phone}`).b > 1);
    expect(twice).toEqual([]);
    const placements = Map.groupBy(far.calls, (call) => call.order.customer);
    expect([...placements.values()].filter((calls) => calls.length > 1)).toEqual([]);
    const [doubled] = rows<{ n: number }>(
      await database.db.run((q) => q.execute(sql`select count(*)::int as n from call_records where doubled`)),
    );
    expect(doubled?.n).toBe(0);
  },
  suiteTimeoutMs,
);

async function makeLines(running: Running): Promise<number[]> {
  const made: number[] = [];
  for (const [flavour, lookup] of [
    ["push", "running"],
    ["poll", "running"],
    ["push", "ended"],
  ] as const) {
    const accountId = `acc-${made.length}`;
    const secret = randomBytes(16).toString("hex");
    far.addAccount(accountId, secret);
    const providerConfig = { baseUrl: far.url, accountId, secret, speed: 20, flavour, lookup };
    const answer = await send(running, "POST", "/api/v1/calls/lines", {
      name: `${flavour} ${lookup}`,
      providerType: "fake",
      providerConfig,
    });
    made.push(answer.id);
    if (made.length === 1) secrets.set(answer.id, secret);
  }
  return made;
}

const secrets = new Map<number, string>();

/** Refusals and lost answers are rare enough that their line stays in use. */
function endingOf(round: number, n: number): number {
  if (n > 0 || round % 3 > 0) return [0, 1, 2, 3, 4, 5, 9][(round + n) % 7] ?? 0;
  return [6, 7, 8][(round / 3) % 3] ?? 7;
}

async function webhookOf(running: Running, lineId: number): Promise<{ url: string; secret: string }> {
  const line = await send(running, "GET", `/api/v1/calls/lines/${lineId}`);
  return { url: line.webhookUrl, secret: secrets.get(lineId) ?? "" };
}

function dial(running: Running, { phone, lineId, idempotencyKey }: Asked) {
  const body = { customerPhone: phone, agent: customer(0), lineId, ringTimeout: 5, maxDuration: 60 };
  return send(running, "POST", "/api/v1/calls/dial", dialBody(idempotencyKey, body), {
    "idempotency-key": idempotencyKey,
  });
}

const bodies = new Map<string, object>();

/** The same key always asks for the same thing. */
function dialBody(idempotencyKey: string, body: object): object {
  const known = bodies.get(idempotencyKey) ?? body;
  bodies.set(idempotencyKey, known);
  return known;
}

async function send(
  running: Running,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const answer = await fetch(running.url.replace("localhost", "127.0.0.1") + path, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return (await answer.json()) as Json;
}

/** Waits, for as long as the test may, until every call is closed. */
async function allEnded(least: number): Promise<void> {
  for (;;) {
    const [counted] = rows<{ all: number; open: number }>(
      await database.db.run((q) =>
        q.execute(
          sql`select count(*)::int as all, count(*) filter (where state <> 'close')::int as open from call_records`,
        ),
      ),
    );
    if (counted?.open === 0) {
      expect(counted.all).toBe(least);
      return;
    }
    await Bun.sleep(250);
  }
}
