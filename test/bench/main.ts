/** `bun run bench <name> [--full]`: the figures of the goals, each beside its peer in the same run. */
import { note } from "./figures.ts";
import { benchServer } from "./postgres.ts";

export type Bench = (tools: { database(): Promise<string>; full: boolean }) => Promise<boolean>;

const benches: Record<string, () => Promise<{ run: Bench }>> = {
  ingest: () => import("./ingest.ts"),
  drain: () => import("./drain.ts"),
  status: () => import("./status.ts"),
  dial: () => import("./dial.ts"),
  floor: () => import("./floor.ts"),
  failover: () => import("./failover.ts"),
  start: () => import("./start.ts"),
  query: () => import("./query.ts"),
  notify: () => import("./notify.ts"),
  route: () => import("./route.ts"),
};

const [name = ""] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  note(`bun run bench <${Object.keys(benches).join("|")}> [--full]`);
  process.exit(2);
}
const server = await benchServer();
if (server === null) {
  note("no PostgreSQL: set BENCH_DATABASE_URL, or install its server (Debian: apt-get install postgresql)");
  process.exit(2);
}
let reached = false;
try {
  const { run } = await bench();
  reached = await run({ database: () => server.database(), full: process.argv.includes("--full") });
} finally {
  await server.stop();
}
process.exit(reached ? 0 : 1);
