/** What is true of every route that the running service has, however many more there will be. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Scope, scopes } from "../../src/auth/principal.ts";
import { withCdr } from "../calls/variant.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";

interface Operation {
  security?: { bearer: string[] }[];
  summary?: string;
  tags?: string[];
  parameters?: { name: string; in: string }[];
  responses: Record<string, { content?: Record<string, unknown> }>;
}
type Document = { openapi: string; paths: Record<string, Record<string, Operation>>; components: { schemas: object } };

/** Providers come with proof of their own, and say what they like: no schema describes it. */
const webhooks = [
  "/api/v1/calls/webhook/:channel/:kind?",
  "/api/v1/calls/webhook/:channel/:token{wh_[A-Za-z0-9]+}/:kind?",
];
/** What asks for no key. */
const open = ["/health", "/ready", "/openapi.json", "/docs", "/docs/problems", "/docs/start.js", "/docs/{file}"];
/** So long that no duty acts by itself: whatever changes here was changed by a request. */
const neverMs = 3_600_000;

let on: TestService;
let document: Document;
let other: string;
const keys = {} as Record<Scope, string>;
beforeAll(async () => {
  on = await startTestService({ tickMs: neverMs });
  document = (await on.ask("GET", "/openapi.json", { key: null })).body;
  other = await on.tenant("other");
  for (const scope of scopes) {
    keys[scope] = (await on.ask("POST", "/api/v1/keys", { body: { name: scope, scopes: [scope] } })).body.key;
    on.secrets.push(keys[scope]);
  }
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
const guardedOperations = () => operations().filter(({ path }) => !open.includes(path));
const sample = (path: string): string => path.replace("{callId}", "call_1").replace(/\{.+?\}/g, "1");

/** The answer's status alone: what a stream goes on to tell is not waited for. */
async function statusOf(method: string, path: string, key: string | null, requestId = "surface.test"): Promise<number> {
  const headers = { "x-request-id": requestId, ...(key !== null && { authorization: `Bearer ${key}` }) };
  const response = await fetch(on.url + path, { method, headers });
  await response.body?.cancel();
  return response.status;
}

test("every route is described, and everything described is a route", () => {
  const routes = on.service.app.routes
    .filter(({ method, path }) => method !== "ALL" && !webhooks.includes(path))
    .map(({ method, path }) => `${method} ${path}`);
  const described = operations().map(({ method, path }) => `${method} ${path.replace(/\{(.+?)\}/g, ":$1")}`);
  expect([...new Set(described)].sort()).toEqual([...new Set(routes)].sort());
  expect(document.openapi).toBe("3.1.0");
});

test("every description is whole: both languages, its parameters, its problems", () => {
  for (const { path, operation } of operations()) {
    // A full-width bracket brings its space along.
    expect(operation.summary).toMatch(/[ ）]· /);
    expect(operation.tags?.[0]).toContain(" · ");
    const inPath = [...path.matchAll(/\{(.+?)\}/g)].map(([, name]) => name);
    const declared = (operation.parameters ?? []).filter((one) => one.in === "path").map(({ name }) => name);
    expect(declared).toEqual(inPath as string[]);
    // What /ready says is no refusal.
    for (const [status, { content }] of Object.entries(operation.responses))
      if (Number(status) >= 400 && path !== "/ready")
        expect(Object.keys(content ?? {})).toEqual(["application/problem+json"]);
    if (!open.includes(path)) expect(Object.keys(operation.responses)).toContain("401");
  }
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(Object.keys(document.components.schemas)).toContain(name as string);
});

test("every path reaches its own route, and none is taken for another's parameter", async () => {
  const asked = operations().map(({ method, path }, index) => ({ method, path, id: `surface.route.${index}` }));
  for (const { method, path, id } of asked) await statusOf(method, sample(path), on.key, id);
  const fixed = [
    ["POST", "/api/v1/calls/webhook/aliyun/status", webhooks[0]],
    ["POST", "/api/v1/calls/webhook/tencent", webhooks[0]],
    ["POST", `/api/v1/calls/webhook/e9/wh_${"a".repeat(32)}`, webhooks[1]],
    ["GET", `/api/v1/calls/webhook/e9/wh_${"a".repeat(32)}/record`, webhooks[1]],
  ] as const;
  for (const [index, [method, path]] of fixed.entries()) await statusOf(method, path, on.key, `surface.fixed.${index}`);
  const logged: Json[] = on.logged.map((line) => JSON.parse(line));
  const reached = new Map(
    logged.filter((one) => one.route).map((one) => [one.requestId, `${one.method} ${one.route}`]),
  );
  for (const { method, path, id } of asked)
    expect(reached.get(id)).toBe(`${method} ${path.replace(/\{(.+?)\}/g, ":$1")}`);
  for (const [index, [method, , route]] of fixed.entries())
    expect(reached.get(`surface.fixed.${index}`)).toBe(`${method} ${route}`);
});

test("every route but the open ones asks for a key, and for one with a scope that it names", async () => {
  expect(
    operations()
      .filter(({ operation }) => operation.security === undefined)
      .map(({ path }) => path),
  ).toEqual(open);
  for (const { method, path, operation } of guardedOperations()) {
    const address = sample(path);
    expect(`${method} ${path} ${await statusOf(method, address, null)}`).toBe(`${method} ${path} 401`);
    const named = operation.security?.flatMap(({ bearer }) => bearer) ?? [];
    expect(named).not.toEqual([]);
    for (const scope of scopes) {
      const status = await statusOf(method, address, keys[scope]);
      expect([scope, method, path, [401, 403].includes(status)]).toEqual([scope, method, path, !named.includes(scope)]);
    }
  }
});

/** What a request must say beside the id, so that it is the id that is refused. */
const bodies: Record<string, object> = {
  "POST /api/v1/calls/{callId}/control": { action: "mute" },
  "POST /api/v1/health/lines/{id}/hold": { reason: "tried" },
  "POST /api/v1/subscriptions/{id}/replay": { from: "2020-01-01T00:00:00.000Z", to: "2100-01-01T00:00:00.000Z" },
};

test("no id of one tenant works with another tenant's key, on any route", async () => {
  const make = async (path: string, body: object): Promise<string | number> => {
    const made = await on.ask("POST", path, { body });
    expect([path, made.status]).toEqual([path, 201]);
    on.secrets.push(...[made.body.key, made.body.secret].filter((one) => one !== undefined));
    return made.body.id;
  };
  const agent = await make("/api/v1/agents", { id: "mine", name: "A", phone: "13800000009" });
  const line = await on.line("L");
  const dialed = await on.dial({ customerPhone: customer(0), agent, lineId: line });
  const { callId } = await withCdr(on, dialed.body.callId);
  const ids: Record<string, string | number> = {
    "/api/v1/agents": agent,
    "/api/v1/bindings": await make("/api/v1/bindings", { userId: "u", agentId: agent }),
    "/api/v1/blacklist": await make("/api/v1/blacklist", { phone: "13912345678", reason: "r" }),
    "/api/v1/keys": await make("/api/v1/keys", { name: "k", scopes: ["read"] }),
    "/api/v1/calls/lines": line,
    "/api/v1/health/lines": line,
    "/api/v1/calls": callId,
    // Inactive: nothing leaves this machine.
    "/api/v1/subscriptions": await make("/api/v1/subscriptions", {
      url: "https://8.8.8.8/",
      events: ["*"],
      active: false,
    }),
  };
  // Duties write on their own: when a line is probed next, and how far the webhooks are.
  const owned = /^\n?(line_health|notify_cursor|polls|limit_counts)\n/;
  const stored = async (): Promise<string> =>
    (await on.database.dump())
      .split("\n\n")
      .filter((table) => !owned.test(table))
      .join("\n\n");
  const before = await stored();
  const withId = guardedOperations().filter(({ path }) => path.includes("{"));
  expect(withId.length).toBeGreaterThan(20);
  for (const { method, path } of withId) {
    const address = path
      .replace(/^(.+?)\/\{.+?\}/, (_, list) => `${list}/${ids[list]}`)
      .replace("{deliveryId}", "evt_1");
    expect(address).not.toMatch(/undefined|\{/);
    const body = bodies[`${method} ${path}`] ?? (method === "PUT" ? {} : undefined);
    const answer = await on.ask(method, address, { key: other, body });
    expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 404`);
  }
  const call = { customerPhone: customer(0), agent: "13800000008" };
  const inBodies: [path: string, body: object, status: number][] = [
    ["/api/v1/calls/hangup", { callId }, 404],
    ["/api/v1/calls/dial", { ...call, lineId: line }, 422],
    ["/api/v1/calls/dial", { ...call, agent }, 422],
    ["/api/v1/bindings", { userId: "u", agentId: agent }, 422],
  ];
  for (const [path, body, status] of inBodies) {
    const answer = await on.ask("POST", path, { key: other, body });
    expect([path, Object.keys(body), answer.status]).toEqual([path, Object.keys(body), status]);
  }
  expect(await stored()).toBe(before);
  const lists = Object.keys(ids).filter((path) => path !== "/api/v1/health/lines");
  for (const list of [...lists, "/api/v1/events", "/api/v1/health/channels"]) {
    const { status, text } = await on.ask("GET", `${list}?limit=200`, { key: other });
    expect([list, status]).toEqual([list, 200]);
    expect(text).not.toContain(`"id":${JSON.stringify(ids[list] ?? "")}`);
    expect(text).not.toContain(callId);
  }
}, 60_000);

test("the documentation loads from here alone", async () => {
  const page = await on.ask("GET", "/docs", { key: null });
  expect(page.headers.get("content-type")).toStartWith("text/html");
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
  const wanted = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string);
  expect(wanted).toHaveLength(4);
  for (const path of wanted) {
    const file = await on.ask("GET", path, { key: null });
    expect([path, file.status]).toEqual([path, 200]);
    expect(file.headers.get("content-type")).toMatch(/^(text\/css|text\/javascript|image\/png)/);
    expect(file.text.length).toBeGreaterThan(100);
  }
  // A script in the page itself would be stopped by the policy.
  expect(page.text).not.toMatch(/<script>|<style>|onload=/);
  expect((await on.ask("GET", "/docs/problems", { key: null })).text).toContain('id="agent_busy"');
});
