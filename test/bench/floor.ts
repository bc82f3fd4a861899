import { randomBytes } from "node:crypto";
import { tell } from "./figures.ts";
import { type Load, type LoadResult, run as load, request } from "./load.ts";
import type { Bench } from "./main.ts";
import { pgbench } from "./postgres.ts";
import { startProgram } from "./program.ts";
import { lineSecret } from "./service.ts";

const warmMs = 2_000;
const measureMs = 5_000;
const distinct = 90_000;
const json = { "content-type": "application/json" };
const plainRow = `insert into f_pushes (body) values ('${"p".repeat(1024)}');\n`;

/**
 * What a Bun program reaches that does nothing of ours but store, against the peers of `ingest` and `dial`: no goal of
 * theirs that it misses can be reached on this machine by whoever checks, seals and limits as well.
 */
export const run: Bench = async ({ database }) => {
  const url = await database();
  const pushes = [request("POST", "/push", json, "p".repeat(1024))];
  const nothing = await measured(["nothing", url], { connections: 64, requests: pushes });
  const stored = await measured(["push", url], { connections: 64, requests: pushes });
  const plain = await pgbench(url, plainRow, measureMs / 1000);
  const far = await startProgram("./far.ts", lineSecret);
  const farUrl = `http://127.0.0.1:${far.port}`;
  const batched = await measured(["dial", url, farUrl], { connections: 32, requests: dials() });
  const ordinary = await startProgram("./ordinary.ts", url, farUrl);
  const oneByOne = await warmed(ordinary.port, { connections: 32, requests: dials() });
  await Promise.all([ordinary.stop(), far.stop()]);
  const bench = "floor";
  return [
    tell({
      bench,
      figure: stored.perSecond,
      unit: "requests stored/s",
      peer: "pgbench",
      peerFigure: plain ?? Number.NaN,
      goal: 1.6,
    }),
    tell({
      bench,
      figure: stored.perSecond,
      unit: "requests stored/s",
      peer: "not stored",
      peerFigure: nothing.perSecond,
      goal: 0.6,
    }),
    tell({
      bench,
      figure: batched.perSecond,
      unit: "dials/s",
      peer: "Express + pg",
      peerFigure: oneByOne.perSecond,
      goal: 3,
    }),
  ].every(Boolean);
};

type Wish = Pick<Load, "connections" | "requests">;

async function measured([what, ...args]: [string, ...string[]], wish: Wish): Promise<LoadResult> {
  const program = await startProgram("./floor-server.ts", what, ...args);
  const result = await warmed(program.port, wish);
  await program.stop();
  return result;
}

/** Of requests that must differ none is sent twice. */
async function warmed(port: number, { connections, requests }: Wish): Promise<LoadResult> {
  const half = requests.length > 1 ? requests.length / 2 : 1;
  await load({ port, connections, requests: requests.slice(0, half), answersMax: max(half), forMs: warmMs });
  const rest = requests.length > 1 ? requests.slice(half) : requests;
  return load({ port, connections, requests: rest, answersMax: max(rest.length), forMs: measureMs });
}

const max = (requests: number): number => (requests > 1 ? requests : Number.POSITIVE_INFINITY);

function dials(): Uint8Array[] {
  return Array.from({ length: distinct }, (_, n) => {
    const digits = String(n).padStart(7, "0");
    const body = { customerPhone: `1391${digits}`, agent: `1371${digits}`, lineId: 1, orderId: `o-${n}` };
    const headers = { ...json, "idempotency-key": randomBytes(9).toString("hex") };
    return request("POST", "/dial", headers, JSON.stringify(body));
  });
}
