/**
 * An app's endpoint: takes webhooks and counts them, `/hang` never answers. `/peek` tells how many came, `/seen` also
 * in which time and how late, but for those of `/endpoint/0`, and begins anew. Argument: the port.
 */
import { percentile } from "./figures.ts";

let count = 0;
let first = 0;
let last = 0;
let delays: number[] = [];
Bun.serve({
  port: Number(process.argv[2]),
  hostname: "127.0.0.1",
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/hang") return new Promise(() => {});
    if (pathname === "/seen") {
      const seen = { count, seconds: (last - first) / 1000, p95: percentile(delays, 0.95) };
      [count, first, delays] = [0, 0, []];
      return Response.json(seen);
    }
    if (pathname === "/peek") return Response.json({ count });
    const body = await request.text();
    last = performance.now();
    if (count++ === 0) first = last;
    const at = /"timestamp":"([^"]+)"/.exec(body)?.[1];
    if (at !== undefined && pathname !== "/endpoint/0") delays.push(Date.now() - Date.parse(at));
    return new Response(null, { status: 204 });
  },
});
process.on("SIGTERM", () => process.exit(0));
process.stdout.write("ready\n");
