import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { version } from "../../src/metrics/build.ts";
import { createMetrics } from "../../src/metrics/metrics.ts";
import { findNoCanary } from "../canary.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { openEvents, openSocket } from "../streams/desk.ts";
import { read } from "../tree.ts";
import { type Family, familiesOf, faultsOf } from "./exposition.ts";

const testTimeoutMs = 60_000;

let on: TestService;
const lines: Record<string, number> = {};
beforeAll(async () => {
  on = await startTestService();
  lines.push = await on.line("推送线路", { flavour: "push", speed: 100 });
  lines.poll = await on.line("polled", { flavour: "poll", speed: 100 });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

async function scrape(): Promise<{ text: string; families: Map<string, Family> }> {
  const { status, text, headers } = await on.ask("GET", "/metrics");
  expect([status, headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  return { text, families: familiesOf(text) };
}

/** The sum of a metric's samples that have these labels. */
function sum(
  { families }: { families: Map<string, Family> },
  name: string,
  labels: Record<string, string> = {},
): number {
  const family = families.get(name.replace(/_(bucket|sum|count)$/, "")) ?? families.get(name);
  if (family === undefined) throw new Error(`there is no ${name}`);
  const fits = (one: Family["samples"][number]): boolean =>
    one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value);
  return family.samples.filter(fits).reduce((all, one) => all + one.value, 0);
}

async function call(line: string, digit: number): Promise<void> {
  const { body } = await on.dial({ customerPhone: customer(digit), agent: customer(0), lineId: lines[line] });
  await on.ended(body.callId);
}

test(
  "calls, deliveries, requests and streams are counted where they happen",
  async () => {
    const before = await scrape();
    const desks = [await openSocket(on, on.key), await openEvents(on, on.key)];
    await Promise.all(desks.map((desk) => desk.until(({ type }) => type === "READY")));
    const during = await scrape();
    expect([sum(during, "hualu_streams", { kind: "ws" }), sum(during, "hualu_streams", { kind: "sse" })]).toEqual([
      1, 1,
    ]);
    await call("push", 0);
    await call("push", 6);
    await call("push", 7);
    await call("poll", 4);
    expect((await fetch(`${on.url}/api/v1/calls/webhook/fake/wh_${"0".repeat(32)}`, { method: "POST" })).status).toBe(
      401,
    );
    // What others of the same server have under way holds a message back for a while.
    const told = async (): Promise<number> =>
      sum(await scrape(), "hualu_stream_messages_total") - sum(before, "hualu_stream_messages_total");
    for (let n = 0; n < 200 && (await told()) <= 5; n++) await Bun.sleep(50);
    for (const desk of desks) desk.cut();
    const after = await scrape();
    const grown = (name: string, labels: Record<string, string> = {}): number =>
      sum(after, name, labels) - sum(before, name, labels);
    const placed = ["placed", "refused", "unknown"].map((outcome) =>
      grown("hualu_placements_total", { channel: "fake", outcome }),
    );
    expect(placed).toEqual([2, 1, 1]);
    const ended = ["ended", "failed", "busy", "missed"].map((status) =>
      grown("hualu_calls_ended_total", { channel: "fake", status }),
    );
    expect(ended).toEqual([2, 1, 1, 0]);
    expect(grown("hualu_placement_seconds_count", { channel: "fake" })).toBe(4);
    expect(grown("hualu_provider_requests_total", { operation: "place", outcome: "refused" })).toBe(1);
    expect(grown("hualu_provider_requests_total", { operation: "follow", outcome: "ok" })).toBeGreaterThan(0);
    const sources = ["push", "follow"].map((source) => grown("hualu_deliveries_accepted_total", { source }));
    for (const count of sources) expect(count).toBeGreaterThan(0);
    expect(grown("hualu_deliveries_drained_total")).toBeGreaterThan(0);
    expect(grown("hualu_events_matched_total")).toBeGreaterThan(0);
    expect(grown("hualu_webhook_refusals_total", { channel: "fake", reason: "unknown_address" })).toBe(1);
    const dials = { method: "POST", route: "/api/v1/calls/dial" };
    expect(grown("hualu_http_request_seconds_count", dials)).toBe(4);
    expect(grown("hualu_http_request_seconds_count", { ...dials, class: "5xx" })).toBe(1);
    expect(grown("hualu_stream_messages_total")).toBeGreaterThan(5);
    expect(grown("hualu_event_loop_delay_seconds_count")).toBeGreaterThan(0);
    expect([sum(after, "hualu_ready"), sum(after, "hualu_database_up")]).toEqual([1, 1]);
    for (const lag of ["hualu_inbox_backlog", "hualu_inbox_oldest_seconds", "hualu_drain_idle_seconds"])
      expect(sum(after, lag)).toBeLessThan(60);
  },
  testTimeoutMs,
);

test("a scrape asks for a key with the scope ops", async () => {
  expect((await on.ask("GET", "/metrics", { key: null })).status).toBe(401);
  const { body } = await on.ask("POST", "/api/v1/keys", { body: { name: "k", scopes: ["read", "call", "manage"] } });
  on.secrets.push(body.key);
  expect((await on.ask("GET", "/metrics", { key: body.key })).status).toBe(403);
});

test("the format and the names are Prometheus's", async () => {
  const { text, families } = await scrape();
  expect(families.size).toBeGreaterThan(25);
  expect(faultsOf(families)).toEqual([]);
  const checks = ["our own"];
  const promtool = Bun.which("promtool");
  if (promtool !== null) {
    const run = Bun.spawnSync([promtool, "check", "metrics"], { stdin: Buffer.from(text) });
    expect([run.exitCode, run.stderr.toString(), run.stdout.toString()]).toEqual([0, "", ""]);
    checks.push("promtool");
  }
  expect(checks).toContain("our own");
  // The check itself sees what is wrong.
  for (const wrong of ["x 1\n", "# HELP a b.\n# TYPE a counter\na{x=1} 1\nb 2\n", "# HELP a b.\n"])
    expect(() => expect(faultsOf(familiesOf(wrong))).toEqual([])).toThrow();
});

async function hostile(round: number): Promise<void> {
  const number = `139${String(10_000_000 + round)}`;
  const paths = [
    `/api/v1/calls/call_${round}_${number}`,
    `/nothing/${number}/here`,
    `/api/v1/calls/webhook/c${round}/wh_${"a".repeat(30)}${round}`,
    `/api/v1/calls/webhook/${number}/status`,
    `/api/v1/calls/lines/${round + 1000}`,
    `/metrics/${number}?x=${number}`,
    `/api/v1/events/stream?ticket=${number}`,
  ];
  for (const path of paths)
    for (const method of ["GET", "POST", "DELETE"])
      await fetch(on.url + path, { method, headers: { "x-request-id": number } });
  await fetch(`${on.url}/x`, { method: `M${round}`.replace(/\d/g, (digit) => "ABCDEFGHIJ"[Number(digit)] ?? "A") });
}

test(
  "no input adds a series, and nothing of it is to be read in the metrics",
  async () => {
    await hostile(0);
    let before = await scrape();
    // What the service does by itself, such as reading the feed of the calls above, is no input's doing.
    for (let tries = 0; tries < 100 && !before.text.includes('operation="poll"'); tries++) {
      await Bun.sleep(50);
      before = await scrape();
    }
    for (let round = 1; round < 25; round++) await hostile(round);
    const after = await scrape();
    const seriesOf = ({ text }: { text: string }): string[] =>
      text
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .map((line) => line.replace(/ \S+$/, ""))
        .sort();
    const known = new Set(seriesOf(before));
    const added = seriesOf(after).filter((one) => !known.has(one) && !one.includes('route="/metrics"'));
    expect(added).toEqual([]);
    findNoCanary({ texts: { metrics: after.text }, secrets: [...on.secrets, "推送线路", "call_2", "acc-"] });
    const labels = [...after.families.values()].flatMap(({ samples }) =>
      samples.flatMap((one) => Object.keys(one.labels)),
    );
    const allowed =
      "bun channel class database kind le method operation outcome reason route source state status version";
    expect([...new Set(labels)].filter((label) => !allowed.split(" ").includes(label))).toEqual([]);
  },
  testTimeoutMs,
);

test("while the database is away the rest is still told", async () => {
  const metrics = createMetrics(systemClock(), {
    database: "server",
    channels: ["fake"],
    ready: () => false,
    drained: () => ({ deliveries: 1, events: 2, unmatched: 3, malformed: 4, unrecognized: 5, lastRun: null }),
    streams: () => ({ open: { ws: 1 }, ended: { slow: 2 }, resets: 3, messages: 4 }),
    look: () => Promise.reject(new Error("away")),
    lines: () => [{ channel: "fake", state: "down" }],
  });
  for (const code of ["deadline", "40001", "08006", "08001", "13900001111"]) metrics.databaseFailed(code);
  metrics.refused("13900001111", "anything");
  metrics.ended("13900001111", "13900001111");
  metrics.ended(null, "failed");
  const told = { families: familiesOf(await metrics.text()) };
  expect([sum(told, "hualu_database_up"), sum(told, "hualu_ready")]).toEqual([0, 0]);
  expect(told.families.get("hualu_inbox_backlog")?.samples).toEqual([]);
  expect(sum(told, "hualu_deliveries_drained_total")).toBe(1);
  expect(sum(told, "hualu_database_errors_total", { reason: "class_08" })).toBe(2);
  expect(sum(told, "hualu_database_errors_total", { reason: "other" })).toBe(1);
  expect(sum(told, "hualu_webhook_refusals_total", { channel: "other", reason: "other" })).toBe(1);
  expect(sum(told, "hualu_calls_ended_total", { channel: "other", status: "other" })).toBe(1);
  expect(sum(told, "hualu_calls_ended_total", { channel: "other", status: "failed" })).toBe(1);
  // Counters do not grow by being read.
  expect(sum({ families: familiesOf(await metrics.text()) }, "hualu_events_matched_total")).toBe(2);
});

test("the version that is told is the package's", () => {
  expect(version).toBe(JSON.parse(read("package.json")).version);
});

const named = /\b(hualu_[a-z_]+|process_[a-z_]+)\b/g;
const namesIn = (text: string): string[] => [...new Set([...text.matchAll(named)].map(([, name = ""]) => name))];

test("every query of the dashboard and every metric in the operations page is one of ours, and all are explained", async () => {
  const { families } = await scrape();
  const isOurs = (name: string): boolean =>
    families.has(name) || families.has(name.replace(/_(bucket|sum|count)$/, ""));
  const dashboard: Json = JSON.parse(read("docs/grafana-dashboard.json"));
  const queries: string[] = dashboard.panels.flatMap((panel: Json) =>
    (panel.targets ?? []).map((one: Json) => one.expr),
  );
  expect(queries.length).toBeGreaterThan(15);
  expect(queries.filter((query) => namesIn(query).length === 0 && !/\bup\{/.test(query))).toEqual([]);
  expect(queries.flatMap(namesIn).filter((name) => !isOurs(name))).toEqual([]);
  const page = read("docs/operations.md");
  expect(namesIn(page).filter((name) => !isOurs(name))).toEqual([]);
  expect([...families.keys()].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  const [, rules = ""] = /```yaml\n(groups:[\s\S]+?)```/.exec(page) ?? [];
  expect(namesIn(rules).length).toBeGreaterThan(8);
  const promtool = Bun.which("promtool");
  if (promtool !== null) {
    const path = join(mkdtempSync(join(tmpdir(), "hualu-rules-")), "hualu.yaml");
    writeFileSync(path, rules);
    const run = Bun.spawnSync([promtool, "check", "rules", path]);
    rmSync(dirname(path), { recursive: true });
    expect([run.exitCode, run.stderr.toString()]).toEqual([0, ""]);
  }
});
