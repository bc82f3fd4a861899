import { note, tell } from "./figures.ts";
import { run as load, request } from "./load.ts";
import type { Bench } from "./main.ts";
import { seedRecords } from "./seed.ts";
import { auth, startBenchService } from "./service.ts";

const steps = { quick: [100_000, 1_000_000], full: [1_000_000, 10_000_000] } as const;
const connections = 4;
const measureMs = 5_000;

/** The list's slowest hundredth must not grow with the table: by page, by business id, by user, by status. */
export const run: Bench = async ({ database, full }) => {
  const p99: number[] = [];
  for (const records of full ? steps.full : steps.quick) {
    const url = await database();
    const service = await startBenchService(url);
    note(`writing ${records} records`);
    await seedRecords(url, records);
    const requests = Array.from({ length: 2_000 }, (_, n) => {
      const filter = [`bizId=biz-${(n * 7_919) % records}`, `userId=user-${n % 500}`, "status=missed", "limit=50"][
        n % 4
      ];
      return request("GET", `/api/v1/calls?limit=20&${filter?.replace("limit=50", "channel=fake")}`, auth);
    });
    await load({ port: service.port, connections, requests, forMs: measureMs / 2 });
    const measured = await load({ port: service.port, connections, requests, forMs: measureMs });
    if (measured.unexpected > 0) throw new Error("some answers were not 200");
    p99.push(measured.p99);
    await service.stop();
  }
  const [small = 1, large = 1] = p99;
  return tell({
    bench: "query",
    figure: large,
    unit: "ms p99",
    peer: "a tenth of the records",
    peerFigure: small,
    goal: 1.5,
    atMost: true,
  });
};
