import { readFileSync } from "node:fs";
import { median, tell } from "./figures.ts";
import type { Bench } from "./main.ts";
import { startBenchService } from "./service.ts";

const runs = 7;
const restMs = 3_000;

/** Time from the command to the first 200, and memory at rest, on a database that is up to date. */
export const run: Bench = async ({ database }) => {
  const url = await database();
  await (await startBenchService(url)).stop();
  const times: number[] = [];
  let residentMb = 0;
  for (let n = 0; n < runs; n++) {
    const began = performance.now();
    const service = await startBenchService(url);
    const health = await fetch(`http://127.0.0.1:${service.port}/health`);
    if (health.status === 200) times.push(performance.now() - began);
    if (n === runs - 1) {
      await Bun.sleep(restMs);
      const status = readFileSync(`/proc/${service.running.pid}/status`, "utf8");
      residentMb = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
    }
    await service.stop();
  }
  return [
    tell({
      bench: "start",
      figure: median(times),
      unit: "ms to the first 200",
      peer: "limit",
      peerFigure: 300,
      goal: 1,
      atMost: true,
    }),
    tell({
      bench: "start",
      figure: residentMb,
      unit: "MB at rest",
      peer: "limit",
      peerFigure: 120,
      goal: 1,
      atMost: true,
    }),
  ].every(Boolean);
};
