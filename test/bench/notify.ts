import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createSeal } from "../../db/seal.ts";
import { openServer } from "../../db/server.ts";
import { systemClock } from "../../src/clock.ts";
import type { Context } from "../../src/context.ts";
import { createLog } from "../../src/log.ts";
import { followDatabaseClock } from "../../src/loops/clock.ts";
import { appendOutbox, type Message } from "../../src/outbox/append.ts";
import { freePort } from "../server/process.ts";
import { median, tell } from "./figures.ts";
import type { Bench } from "./main.ts";
import { auth, type BenchService, secretKey, startBenchService } from "./service.ts";

const fewEndpoints = 4;
const eventsEach = 5;
const burstCalls = 1_000;
const bareConnections = 64;
const manyEndpoints = 100;
const pacedCalls = 20;
const pacedEveryMs = 400;
const rounds = 3;
const lookEveryMs = 300;
const patienceMs = 20_000;
/** A subscription hears only of what happens after it was made, and two clocks differ a little. */
const settleMs = 200;

interface Seen {
  count: number;
  seconds: number;
  p95: number;
}

/** Signed webhooks a second to checked addresses, against bare node:http; and what one endpoint that hangs costs. */
export const run: Bench = async ({ database }) => {
  const url = await database();
  const far = await startListener();
  const service = await startBenchService(url, undefined, { HUALU_ALLOW_NETWORKS: "127.0.0.0/8" });
  const db = await openServer(url, { connectionsMax: 2 });
  const log = createLog("warn", () => {});
  const ctx: Context = { db, seal: createSeal(secretKey), clock: systemClock(), log, randomBytes };
  try {
    await followDatabaseClock(ctx);
    const told = [await throughput(ctx, service, far), await isolation(ctx, service, far)];
    return told.every(Boolean);
  } finally {
    await service.stop();
    await db.close();
    await far.stop();
  }
};

type Far = Awaited<ReturnType<typeof startListener>>;

async function throughput(ctx: Context, service: BenchService, far: Far): Promise<boolean> {
  const ids = await Promise.all(Array.from({ length: fewEndpoints }, (_, n) => subscribe(service, far.endpoint(n))));
  await Bun.sleep(settleMs);
  const deliveries = burstCalls * eventsEach * fewEndpoints;
  const perSecond: number[] = [];
  for (let n = 0; n < 3; n++) {
    await happen(ctx, burstCalls);
    const { count, seconds } = await far.until(deliveries);
    perSecond.push(count / seconds);
  }
  await Promise.all(ids.map((id) => unsubscribe(service, id)));
  const bare: number[] = [];
  for (let n = 0; n < 3; n++) {
    await far.bare(deliveries);
    const { count, seconds } = await far.until(deliveries);
    bare.push(count / seconds);
  }
  return tell({
    bench: "notify",
    figure: median(perSecond),
    unit: "webhooks/s",
    peer: "bare node:http, kept connections, unsigned",
    peerFigure: median(bare),
    goal: 0.7,
  });
}

/** Rounds with a hundred endpoints that answer, in turn with rounds in which one of them hangs. */
async function isolation(ctx: Context, service: BenchService, far: Far): Promise<boolean> {
  const ids = await Promise.all(Array.from({ length: manyEndpoints }, (_, n) => subscribe(service, far.endpoint(n))));
  await Bun.sleep(settleMs);
  const [oneId = ""] = ids;
  const p95 = { well: [] as number[], hanging: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    for (const state of ["well", "hanging"] as const) {
      await ask(service, "PUT", `/api/v1/subscriptions/${oneId}`, {
        url: state === "well" ? far.endpoint(0) : far.hanging,
      });
      const answering = manyEndpoints - (state === "well" ? 0 : 1);
      for (let call = 0; call < pacedCalls; call++) {
        await happen(ctx, 1);
        await Bun.sleep(pacedEveryMs);
      }
      // What waited for the one that hung comes when it is well again, and is not counted.
      const seen = await far.until(pacedCalls * eventsEach * (state === "well" ? answering - 1 : answering));
      if (round > 0) p95[state].push(seen.p95);
    }
  }
  return tell({
    bench: "notify",
    figure: median(p95.hanging),
    unit: "ms p95 of 99 endpoints while one hangs",
    peer: "while none does",
    peerFigure: median(p95.well),
    goal: 1.1,
    atMost: true,
  });
}

let made = 0;

/** Calls' whole histories, as their records would write them. */
async function happen(ctx: Context, calls: number): Promise<void> {
  const topics = ["call.created", "call.updated", "call.updated", "call.updated", "call.ended"] as const;
  const messages = Array.from({ length: calls }, () => {
    const callId = `call_bench_${++made}`;
    const payload = {
      callId,
      status: "ended",
      state: "close",
      channel: "fake",
      duration: 60,
      padding: "p".repeat(400),
    };
    return topics.map((topic, n): Message => ({ tenant: "default", callId, version: n + 1, topic, payload }));
  });
  await ctx.db.tx((q) => appendOutbox(ctx, q, messages.flat()));
}

async function ask(service: BenchService, method: string, path: string, body?: object): Promise<{ id: string }> {
  const url = `http://127.0.0.1:${service.port}${path}`;
  const answer = await fetch(url, { method, headers: auth, ...(body && { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as { id: string };
}

const subscribe = async (service: BenchService, url: string): Promise<string> =>
  (await ask(service, "POST", "/api/v1/subscriptions", { url, events: ["*"] })).id;

const unsubscribe = (service: BenchService, id: string) => ask(service, "DELETE", `/api/v1/subscriptions/${id}`);

async function startListener() {
  const port = freePort();
  const run = (program: string, ...args: string[]) =>
    Bun.spawn([process.execPath, fileURLToPath(new URL(program, import.meta.url)), String(port), ...args], {
      stdout: "pipe",
      stderr: "inherit",
    });
  const child = run("./listener.ts");
  await child.stdout.getReader().read();
  const seen = async (): Promise<Seen> => (await (await fetch(`http://127.0.0.1:${port}/seen`)).json()) as Seen;
  return {
    endpoint: (n: number): string => `http://127.0.0.1:${port}/endpoint/${n}`,
    hanging: `http://127.0.0.1:${port}/hang`,
    /** Waits until so many have come. */
    async until(many: number): Promise<Seen> {
      for (let asked = 0, count = 0; count < many; asked++) {
        if (asked > patienceMs / lookEveryMs) throw new Error(`${count} of ${many} webhooks came`);
        await Bun.sleep(lookEveryMs);
        count = await peek();
      }
      return seen();
    },
    bare: async (many: number): Promise<void> => {
      const body = JSON.stringify({ id: "evt_1", type: "call.updated", data: { padding: "p".repeat(600) } });
      await run("./sender.ts", String(many), String(bareConnections), body).exited;
    },
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };

  async function peek(): Promise<number> {
    return ((await (await fetch(`http://127.0.0.1:${port}/peek`)).json()) as { count: number }).count;
  }
}
