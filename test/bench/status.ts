import { median, note, tell } from "./figures.ts";
import { run as load, request } from "./load.ts";
import type { Bench } from "./main.ts";
import { seedRecords } from "./seed.ts";
import { auth, startBenchService } from "./service.ts";

const records = 1_000_000;
const connections = 64;
const distinct = 20_000;
const warmMs = 2_000;
const measureMs = 2_000;
/** In turn, so that a machine that turns slow for a while is slow for both. */
const rounds = 5;

/** Status polls a second over a million records, against the same server answering a constant. */
export const run: Bench = async ({ database }) => {
  const url = await database();
  const service = await startBenchService(url);
  note(`writing ${records} records`);
  const idOf = await seedRecords(url, records);
  const poll = (n: number) => request("GET", `/api/v1/calls/${idOf(n * 7_919)}/status`, auth);
  const requests = Array.from({ length: distinct }, (_, n) => poll(n));
  const constant = [request("GET", "/health", auth)];
  await load({ port: service.port, connections, requests, forMs: warmMs });
  await load({ port: service.port, connections, requests: constant, forMs: warmMs });
  const [ours, bare]: [number[], number[]] = [[], []];
  const measured = async (asked: readonly Uint8Array[]): Promise<number> => {
    const { perSecond, unexpected } = await load({
      port: service.port,
      connections,
      requests: asked,
      forMs: measureMs,
    });
    if (unexpected > 0) throw new Error(`${unexpected} answers were not 200`);
    return perSecond;
  };
  for (let round = 0; round < rounds; round++) {
    ours.push(await measured(requests));
    bare.push(await measured(constant));
  }
  await service.stop();
  return tell({
    bench: "status",
    figure: median(ours),
    unit: "req/s",
    peer: "constant answer",
    peerFigure: median(bare),
    goal: 0.5,
  });
};
