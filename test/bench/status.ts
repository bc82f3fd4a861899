import { note, tell } from "./figures.ts";
import { run as load, request } from "./load.ts";
import type { Bench } from "./main.ts";
import { seedRecords } from "./seed.ts";
import { auth, startBenchService } from "./service.ts";

const records = 1_000_000;
const connections = 64;
const distinct = 20_000;
const warmMs = 2_000;
const measureMs = 6_000;

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
  const ours = await load({ port: service.port, connections, requests, forMs: measureMs });
  await load({ port: service.port, connections, requests: constant, forMs: warmMs });
  const bare = await load({ port: service.port, connections, requests: constant, forMs: measureMs });
  await service.stop();
  if (ours.unexpected + bare.unexpected > 0) throw new Error("some answers were not 200");
  return tell({
    bench: "status",
    figure: ours.perSecond,
    unit: "req/s",
    peer: "constant answer",
    peerFigure: bare.perSecond,
    goal: 0.5,
  });
};
