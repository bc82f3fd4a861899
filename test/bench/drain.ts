import { randomBytes } from "node:crypto";
import { sql } from "drizzle-orm";
import { createSeal } from "../../db/seal.ts";
import { openServer } from "../../db/server.ts";
import { createSettingsBook } from "../../src/auth/settings.ts";
import { makeTenant } from "../../src/auth/tenants.ts";
import { dial } from "../../src/calls/dial.ts";
import { systemClock } from "../../src/clock.ts";
import type { Arrival } from "../../src/inbox/accept.ts";
import type { Line } from "../../src/lines/directory.ts";
import { createLine } from "../../src/lines/lines.ts";
import { createLog } from "../../src/log.ts";
import { createDrainDuty } from "../../src/loops/drain.ts";
import { createService, type Service } from "../../src/service.ts";
import { arrival, storeAll } from "../server/backlog.ts";
import { quietChannels } from "../server/quiet.ts";
import { customer } from "../service.ts";
import { claimsUnderHeldTransaction } from "./claims.ts";
import { note, tell } from "./figures.ts";
import type { Bench } from "./main.ts";
import { emptyJobsPerSecond } from "./worker.ts";

const calls = 2_000;
const eventsEach = 10;

/** Stored deliveries to events, records and outgoing messages, a second; against graphile-worker doing empty jobs. */
export const run: Bench = async ({ database, full }) => {
  const url = await database();
  const db = await openServer(url, { connectionsMax: 10 });
  const ctx = {
    db,
    seal: createSeal(randomBytes(32)),
    clock: systemClock(),
    log: createLog("warn", () => {}),
    randomBytes,
  };
  const loadChannel = quietChannels();
  const service = createService({
    ...ctx,
    host: "127.0.0.1",
    port: 0,
    publicUrl: null,
    adminKey: `hk_${"x".repeat(40)}`,
    loadChannel,
    demo: false,
  });
  await makeTenant(ctx, "default", "bench");
  const settings = createSettingsBook(ctx);
  const tools = { directory: service.calls.directory, settings, loadChannel, publicUrl: () => "" };
  const made = await createLine(ctx, tools, "default", {
    name: "b",
    providerType: "fake",
    providerConfig: { baseUrl: "http://127.0.0.1:9", accountId: "b", secret: "bench-secret" },
  });
  const line = await service.calls.directory.line("default", made.id);
  if (line === null) throw new Error("no line");
  const ids = await placeCalls(service);
  const arrivals = histories(line, ids, ctx.clock.now().getTime());
  await storeAll(service.calls, arrivals);
  await db.run((q) => q.execute(sql`analyze`));
  const duty = createDrainDuty(service.calls, () => 0);
  const began = performance.now();
  while (await duty.runOnce());
  const ours = duty.counts.deliveries / ((performance.now() - began) / 1000);
  const steady = await claimsUnderHeldTransaction(service.calls, url, arrivals, full);
  await service.stop();
  await db.close();
  const theirs = await emptyJobsPerSecond(await database(), calls * eventsEach);
  const quick = tell({
    bench: "drain",
    figure: ours,
    unit: "deliveries/s",
    peer: "graphile-worker, empty jobs",
    peerFigure: theirs,
    goal: 2,
  });
  return quick && steady;
};

const steps = [
  ["calling", "a"],
  ["ringing", "a"],
  ["answered", "a"],
  ["calling", "b"],
  ["ringing", "b"],
  ["answered", "b"],
  ["hangup", null],
] as const;

/** What a provider would push about these calls, all calls' first steps before any second one. */
function histories(line: Line, ids: readonly string[], start: number): Arrival[] {
  return Array.from({ length: calls * eventsEach }, (_, n) => {
    const callRef = ids[n % calls] ?? "";
    const [event, leg] = steps[Math.floor(n / calls) % steps.length] ?? steps[0];
    const time = new Date(start + n).toISOString();
    const code = event === "hangup" ? "completed" : null;
    const about = { type: "event", callId: `p-${callRef}`, callRef, attempt: 1 };
    return arrival(line, { ...about, event, leg, time, code, padding: "p".repeat(700) }, new Date(start));
  });
}

async function placeCalls(service: Service): Promise<string[]> {
  note(`placing ${calls} calls`);
  const ids: string[] = [];
  for (let from = 0; from < calls; from += 50) {
    const some = Array.from({ length: 50 }, () =>
      dial(
        service.calls,
        "default",
        { customerPhone: customer(0), agent: customer(0), callMethod: "auto", placeWithin: 0 },
        null,
      ),
    );
    ids.push(...(await Promise.all(some)).map(({ callId }) => callId));
  }
  return ids;
}
