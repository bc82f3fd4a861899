import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { tell } from "./figures.ts";
import { run as load, request } from "./load.ts";
import type { Bench } from "./main.ts";
import { startProgram } from "./program.ts";
import { auth, lineSecret, startBenchService } from "./service.ts";

const connections = 32;
const distinct = 60_000;
const ourPath = "/api/v1/calls/dial";
const warmMs = 5_000;
const measureMs = 8_000;
const restMs = 2_000;
const aloneMs = 3_000;

/** Dials a second to a provider in another process, against the same flow in the ordinary way; the time that we add. */
export const run: Bench = async ({ database }) => {
  const url = await database();
  const far = await startProgram("./far.ts", lineSecret);
  const farUrl = `http://127.0.0.1:${far.port}`;
  const service = await startBenchService(url, farUrl);
  const ordinary = await startProgram("./ordinary.ts", url, farUrl);
  const body = (n: number): string => {
    const digits = String(n).padStart(7, "0");
    return JSON.stringify({
      customerPhone: `1391${digits}`,
      agent: `1371${digits}`,
      lineId: service.lineId,
      orderId: `o-${n}`,
    });
  };
  let asking = 0;
  const asked = (path: string, many: number) =>
    Array.from({ length: many }, () =>
      request("POST", path, { ...auth, "idempotency-key": randomBytes(9).toString("hex") }, body(++asking)),
    );
  const [ours, theirs, single] = [asked(ourPath, distinct), asked("/dial", distinct), asked(ourPath, distinct / 4)];
  // A service that has just started still compiles its code; a machine that has just been busy still writes.
  await load({ port: service.port, connections, requests: ours.splice(0, distinct / 4), forMs: warmMs });
  await analyze(url);
  const us = await load({ port: service.port, connections, requests: ours, answersMax: ours.length, forMs: measureMs });
  await Bun.sleep(restMs);
  const alone = await load({ port: service.port, connections: 1, requests: single, forMs: aloneMs });
  const provider = await load({
    port: far.port,
    connections: 1,
    requests: [request("POST", "/v1/calls", {}, "{}")],
    forMs: aloneMs,
  });
  await load({ port: ordinary.port, connections, requests: theirs.splice(0, distinct / 4), forMs: warmMs });
  await analyze(url);
  const them = await load({
    port: ordinary.port,
    connections,
    requests: theirs,
    answersMax: theirs.length,
    forMs: measureMs,
  });
  await service.stop();
  await Promise.all([far.stop(), ordinary.stop()]);
  if (us.unexpected + them.unexpected > 0)
    throw new Error(`${us.unexpected} of ours, ${them.unexpected} of theirs were not 200`);
  return [
    tell({
      bench: "dial",
      figure: us.perSecond,
      unit: "dials/s",
      peer: "Express + pg",
      peerFigure: them.perSecond,
      goal: 3,
    }),
    tell({
      bench: "dial",
      figure: alone.p50 - provider.p50,
      unit: "ms added, p50",
      peer: "limit",
      peerFigure: 3,
      goal: 1,
      atMost: true,
    }),
  ].every(Boolean);
};

/** As autovacuum does within the first minute of a new database: plans made on empty tables are made again. */
async function analyze(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe("analyze").finally(() => sql.end());
}
