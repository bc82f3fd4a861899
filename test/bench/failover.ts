import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { freePort } from "../server/process.ts";
import { note, tell } from "./figures.ts";
import { startHaproxy } from "./haproxy.ts";
import type { Bench } from "./main.ts";
import { auth, lineSecret, startBenchService } from "./service.ts";
import type { Counts, Mode } from "./sick-far.ts";

const perSecond = 400;
const runMs = 12_000;
const sickAfterMs = 2_000;
const slotMs = 10;
/** What is left open when the provider is well again is asked for; longer than that nobody waits here. */
const settleMs = 25_000;
const scenarios = ["gray", "hanging"] as const satisfies Mode[];

/** 400 calls a second over two providers, one of which turns sick: against HAProxy in front of the same two. */
export const run: Bench = async ({ database }) => {
  const url = await database();
  const reached: boolean[] = [];
  for (const scenario of scenarios) {
    const theirs = await withProviders((farms) => throughHaproxy(farms, scenario));
    if (theirs === null) {
      note("no HAProxy to compare with: install it (Debian: apt-get install haproxy)");
      return false;
    }
    const ours = await withProviders((farms) => throughHualu(farms, scenario, url));
    note(`${scenario}: Hualu ${JSON.stringify(ours)}, HAProxy ${JSON.stringify(theirs)}`);
    const figure = (unit: string, one: number, other: number): boolean =>
      tell({
        bench: "failover",
        figure: one,
        unit: `${unit}, ${scenario}`,
        peer: "HAProxy",
        peerFigure: other,
        goal: 1,
        atMost: true,
      });
    reached.push(
      figure(`failed of ${ours.calls} calls`, ours.failed, theirs.failed),
      figure("calls that hit the sick provider", ours.sickHits, theirs.sickHits),
      figure("ms until it was left", ours.leftAfterMs, theirs.leftAfterMs),
    );
    const limit = { peer: "limit", goal: 0, atMost: true } as const;
    tell({
      bench: "failover",
      figure: ours.untold,
      unit: `calls that nobody can tell, ${scenario}`,
      ...limit,
      peerFigure: 1,
      goal: ours.calls,
    });
    reached.push(
      tell({
        bench: "failover",
        figure: ours.twice,
        unit: `customers rung twice, ${scenario}`,
        ...limit,
        peerFigure: 1,
      }),
    );
  }
  return reached.every(Boolean);
};

interface Provider {
  port: number;
  turn(mode: Mode): Promise<void>;
  counts(): Promise<Counts>;
  stop(): Promise<void>;
}

interface Result {
  calls: number;
  /** A definite no, or no answer at all. */
  failed: number;
  /** Nobody can tell whether a phone rang. */
  untold: number;
  sickHits: number;
  leftAfterMs: number;
  twice: number;
}

async function withProviders<T>(work: (providers: [Provider, Provider]) => Promise<T>): Promise<T> {
  const providers: [Provider, Provider] = [await startProvider(), await startProvider()];
  try {
    return await work(providers);
  } finally {
    await Promise.all(providers.map((one) => one.stop()));
  }
}

async function startProvider(): Promise<Provider> {
  const port = freePort();
  const program = fileURLToPath(new URL("./sick-far.ts", import.meta.url));
  const child = Bun.spawn([process.execPath, program, String(port), lineSecret], { stdout: "pipe", stderr: "inherit" });
  await child.stdout.getReader().read();
  const base = `http://127.0.0.1:${port}`;
  return {
    port,
    async turn(mode) {
      await fetch(`${base}/mode?is=${mode}`);
    },
    counts: async () => (await (await fetch(`${base}/counts`)).json()) as Counts,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

let numbers = 0;
const nextNumber = (): string => String(++numbers).padStart(8, "0");

async function throughHaproxy(providers: [Provider, Provider], scenario: Mode): Promise<Result | null> {
  const haproxy = await startHaproxy(providers.map(({ port }) => port));
  if (haproxy === null) return null;
  let failed = 0;
  const calls = await openLoop(providers[0], scenario, async () => {
    const number = nextNumber();
    const body = JSON.stringify({ callRef: number, attempt: 1, customer: number });
    const answer = await fetch(`http://127.0.0.1:${haproxy.port}/v1/calls`, { method: "POST", body });
    await answer.arrayBuffer();
    if (!answer.ok) failed += 1;
  });
  const { sickHits } = await providers[0].counts();
  const twice = await rungTwice(providers);
  await haproxy.stop();
  return { calls, failed, untold: 0, sickHits: sickHits.length, leftAfterMs: leftAfter(sickHits), twice };
}

async function throughHualu(providers: [Provider, Provider], scenario: Mode, url: string): Promise<Result> {
  const service = await startBenchService(url, `http://127.0.0.1:${providers[0].port}`);
  const send = (path: string, body: object): Promise<Response> =>
    fetch(`http://127.0.0.1:${service.port}${path}`, { method: "POST", headers: auth, body: JSON.stringify(body) });
  const second = await send("/api/v1/calls/lines", {
    name: "second",
    providerType: "fake",
    providerConfig: { baseUrl: `http://127.0.0.1:${providers[1].port}`, accountId: "second", secret: lineSecret },
  });
  const lines = [service.lineId, ((await second.json()) as { id: number }).id];
  // Each half of the users is bound to one line first and to the other behind it: as much for each as a round robin.
  for (const [index, order] of [lines, lines.toReversed()].entries()) {
    for (const [priority, lineId] of order.entries()) {
      await send("/api/v1/bindings", { userId: `user-${index}-${scenario}`, lineId, priority });
    }
  }
  const since = new Date();
  const calls = await openLoop(providers[0], scenario, async (n) => {
    const number = nextNumber();
    const body = { customerPhone: `139${number}`, agent: `137${number}`, userId: `user-${n % 2}-${scenario}` };
    const answer = await send("/api/v1/calls/dial", body);
    await answer.arrayBuffer();
  });
  const counted = await settled(url, since);
  const { sickHits } = await providers[0].counts();
  const twice = await rungTwice(providers);
  await service.stop();
  return {
    calls,
    failed: calls - counted.placed - counted.open,
    untold: counted.open,
    sickHits: sickHits.length,
    leftAfterMs: leftAfter(sickHits),
    twice,
  };
}

/** What the records say once nothing changes any more, or the time is over. */
async function settled(url: string, since: Date): Promise<{ placed: number; open: number }> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  let now = { placed: 0, open: 0 };
  for (const until = Date.now() + settleMs; Date.now() < until; await Bun.sleep(500)) {
    const [row] = await sql<{ placed: number; open: number }[]>`
      select count(*) filter (where provider_call_id is not null)::int as placed,
        count(*) filter (where provider_call_id is null and (state <> 'close' or hangup_cause = 'TIMEOUT'))::int as open
      from call_records where created >= ${since}`;
    now = row ?? now;
    if (now.open === 0) break;
  }
  await sql.end();
  return now;
}

/** As many calls as a clock says, whoever answers late. The first provider turns sick, and well when all are sent. */
async function openLoop(sick: Provider, scenario: Mode, call: (n: number) => Promise<void>): Promise<number> {
  const under: Promise<void>[] = [];
  let turned = false;
  const start = performance.now();
  for (let n = 0; n < (perSecond * runMs) / 1000; ) {
    const passed = performance.now() - start;
    if (!turned && passed >= sickAfterMs) {
      turned = true;
      await sick.turn(scenario);
    }
    for (; n < (passed * perSecond) / 1000 && n < (perSecond * runMs) / 1000; n++) under.push(call(n).catch(() => {}));
    await Bun.sleep(slotMs);
  }
  await sick.turn("well");
  await Promise.all(under);
  return under.length;
}

/** In a second: a trial or two are no use of a provider. */
const trialsMax = 2;

/** The last call of the last second in which it was in use: who comes back to it while it is sick has not left it. */
function leftAfter(sickHits: readonly number[]): number {
  const bySecond = Map.groupBy(sickHits, (at) => Math.floor(at / 1000));
  const busy = [...bySecond].filter(([, hits]) => hits.length > trialsMax).map(([, hits]) => Math.max(...hits));
  return Math.max(1, ...busy);
}

async function rungTwice(providers: readonly Provider[]): Promise<number> {
  const rings = new Map<string, number>();
  for (const provider of providers) {
    for (const [customer, times] of Object.entries((await provider.counts()).rung)) {
      rings.set(customer, (rings.get(customer) ?? 0) + times);
    }
  }
  return [...rings.values()].filter((times) => times > 1).length;
}
