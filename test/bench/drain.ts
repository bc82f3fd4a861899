import { randomBytes } from "node:crypto";
import { sql } from "drizzle-orm";
import { createSeal } from "../../db/seal.ts";
import { openServer } from "../../db/server.ts";
import { makeTenant } from "../../src/auth/tenants.ts";
import { dial } from "../../src/calls/dial.ts";
import { systemClock } from "../../src/clock.ts";
import { drainOnce } from "../../src/inbox/drain.ts";
import { createLine } from "../../src/lines/lines.ts";
import { createLog } from "../../src/log.ts";
import { createService } from "../../src/service.ts";
import { arrival, storeAll } from "../server/backlog.ts";
import { quietChannels } from "../server/quiet.ts";
import { customer } from "../service.ts";
import { note, tell } from "./figures.ts";
import type { Bench } from "./main.ts";
import { emptyJobsPerSecond } from "./worker.ts";

const calls = 2_000;
const eventsEach = 10;

/** Stored deliveries to events, records and outgoing messages, a second; against graphile-worker doing empty jobs. */
export const run: Bench = async ({ database }) => {
  const db = await openServer(await database(), { connectionsMax: 10 });
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
  const tools = { directory: service.calls.directory, loadChannel, publicUrl: () => "" };
  const made = await createLine(ctx, tools, "default", {
    name: "b",
    providerType: "fake",
    providerConfig: { baseUrl: "http://127.0.0.1:9", accountId: "b", secret: "bench-secret" },
  });
  const line = await service.calls.directory.line("default", made.id);
  if (line === null) throw new Error("no line");
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
  const start = ctx.clock.now().getTime();
  const steps = [
    ["calling", "a"],
    ["ringing", "a"],
    ["answered", "a"],
    ["calling", "b"],
    ["ringing", "b"],
    ["answered", "b"],
    ["hangup", null],
  ] as const;
  const arrivals = Array.from({ length: calls * eventsEach }, (_, n) => {
    const callRef = ids[n % calls] ?? "";
    const [event, leg] = steps[Math.floor(n / calls) % steps.length] ?? steps[0];
    const time = new Date(start + n).toISOString();
    const code = event === "hangup" ? "completed" : null;
    return arrival(
      line,
      { type: "event", callId: `p-${callRef}`, callRef, attempt: 1, event, leg, time, code, padding: "p".repeat(700) },
      new Date(start),
    );
  });
  await storeAll(service.calls, arrivals);
  await db.run((q) => q.execute(sql`analyze`));
  const began = performance.now();
  let handled = 0;
  for (let batch = await drainOnce(service.calls); batch !== null; batch = await drainOnce(service.calls))
    handled += batch.deliveries;
  const ours = handled / ((performance.now() - began) / 1000);
  await service.stop();
  await db.close();
  const theirs = await emptyJobsPerSecond(await database(), calls * eventsEach);
  return tell({
    bench: "drain",
    figure: ours,
    unit: "deliveries/s",
    peer: "graphile-worker, empty jobs",
    peerFigure: theirs,
    goal: 2,
  });
};
