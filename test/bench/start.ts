import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort } from "../server/process.ts";
import { median, tell } from "./figures.ts";
import type { Bench } from "./main.ts";
import { startBenchService } from "./service.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const runs = 11;
const askEveryMs = 2;
const restMs = 3_000;

/** Time from the command to the first 200 of /health, and memory at rest, on a database that is up to date. */
export const run: Bench = async ({ database }) => {
  const url = await database();
  const first = await startBenchService(url);
  const env = first.env;
  const times: number[] = [];
  let residentMb = 0;
  try {
    await first.running.stop();
    for (let n = 0; n < runs; n++) {
      const port = freePort();
      const began = performance.now();
      const child = Bun.spawn([process.execPath, main], {
        env: { ...env, PORT: String(port) },
        stdout: "ignore",
        stderr: "inherit",
      });
      while (!(await answers(`http://127.0.0.1:${port}/health`))) {
        if (child.exitCode !== null) throw new Error("it did not start");
        await Bun.sleep(askEveryMs);
      }
      times.push(performance.now() - began);
      if (n === runs - 1) {
        await Bun.sleep(restMs);
        const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
        residentMb = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
      }
      child.kill("SIGTERM");
      await child.exited;
    }
  } finally {
    await first.stop();
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

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).status === 200;
  } catch {
    return false;
  }
}
