import { afterAll, beforeAll, expect, test } from "bun:test";
import { scopes } from "../../src/auth/principal.ts";
import { startApp, startTimeoutMs, type TestApp } from "./start.ts";

interface Operation {
  security?: { bearer: string[] }[];
  summary?: string;
  tags?: string[];
  parameters?: { name: string; in: string }[];
  responses: Record<string, { content?: Record<string, unknown> }>;
}
type Document = { openapi: string; paths: Record<string, Record<string, Operation>>; components: { schemas: object } };

let app: TestApp;
let document: Document;
beforeAll(async () => {
  app = await startApp();
  document = (await app.ask("GET", "/openapi.json", { key: null })).body;
}, startTimeoutMs);
afterAll(() => app.stop(), startTimeoutMs);

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );

test("every route is described, and everything described is a route", () => {
  const routes = app.app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`);
  const described = operations().map(({ method, path }) => `${method} ${path.replace(/\{(.+?)\}/g, ":$1")}`);
  expect([...new Set(described)].sort()).toEqual([...new Set(routes)].sort());
  expect(document.openapi).toBe("3.1.0");
});

test("every description is whole: both languages, its parameters, its problems", () => {
  for (const { path, operation } of operations()) {
    expect(operation.summary).toContain(" · ");
    expect(operation.tags?.[0]).toContain(" · ");
    const inPath = [...path.matchAll(/\{(.+?)\}/g)].map(([, name]) => name);
    const declared = (operation.parameters ?? []).filter((one) => one.in === "path").map(({ name }) => name);
    expect(declared).toEqual(inPath as string[]);
    for (const [status, { content }] of Object.entries(operation.responses))
      if (Number(status) >= 400) expect(Object.keys(content ?? {})).toEqual(["application/problem+json"]);
    if (path.startsWith("/api/")) expect(Object.keys(operation.responses)).toContain("401");
  }
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(Object.keys(document.components.schemas)).toContain(name as string);
});

test("every API route asks for a key, and for one with a scope that it names", async () => {
  for (const { method, path, operation } of operations().filter(({ path }) => path.startsWith("/api/"))) {
    const address = path.replace(/\{.+?\}/g, "1");
    expect((await app.ask(method, address, { key: null })).status).toBe(401);
    const named = operation.security?.flatMap(({ bearer }) => bearer) ?? [];
    expect(named).not.toEqual([]);
    for (const scope of scopes) {
      const { status } = await app.ask(method, address, { key: app.keys[scope] });
      expect(`${scope} ${method} ${path} ${status === 403}`).toBe(
        `${scope} ${method} ${path} ${!named.includes(scope)}`,
      );
    }
  }
});

test("no id of one tenant works with another tenant's key, on any route", async () => {
  const make = async (path: string, body: object) => (await app.ask("POST", path, { body })).body.id as string | number;
  const providerConfig = { account: "a1", secret: "secret-secret" };
  const agent = await make("/api/v1/agents", { id: "mine", name: "A" });
  const ids: Record<string, string | number> = {
    "/api/v1/agents": agent,
    "/api/v1/bindings": await make("/api/v1/bindings", { userId: "u", agentId: agent }),
    "/api/v1/keys": await make("/api/v1/keys", { name: "k", scopes: ["read"] }),
    "/api/v1/calls/lines": await make("/api/v1/calls/lines", { name: "L", providerType: "trial", providerConfig }),
  };
  const before = await app.database.dump();
  const withId = operations().filter(({ path }) => path.startsWith("/api/") && path.includes("{"));
  expect(withId.length).toBeGreaterThan(10);
  for (const { method, path } of withId) {
    const address = path.replace(/^(.+?)\/\{.+?\}/, (_, list) => `${list}/${ids[list]}`);
    expect(address).not.toContain("undefined");
    const body = method === "PUT" ? {} : undefined;
    const answer = await app.ask(method, address, { key: app.keys.other, body });
    expect(`${method} ${path} ${answer.status}`).toBe(`${method} ${path} 404`);
  }
  expect(await app.database.dump()).toBe(before);
  for (const list of Object.keys(ids)) {
    const { text } = await app.ask("GET", `${list}?limit=200`, { key: app.keys.other });
    expect(text).not.toContain(`"id":${JSON.stringify(ids[list])}`);
  }
});

test("the documentation loads from here alone", async () => {
  const page = await app.ask("GET", "/docs", { key: null });
  expect(page.headers.get("content-type")).toStartWith("text/html");
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
  const wanted = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string);
  expect(wanted).toHaveLength(4);
  for (const path of wanted) {
    const file = await app.ask("GET", path, { key: null });
    expect([path, file.status]).toEqual([path, 200]);
    expect(file.headers.get("content-type")).toMatch(/^(text\/css|text\/javascript|image\/png)/);
    expect(file.text.length).toBeGreaterThan(100);
  }
  // A script in the page itself would be stopped by the policy.
  expect(page.text).not.toMatch(/<script>|<style>|onload=/);
  expect((await app.ask("GET", "/docs/problems", { key: null })).text).toContain('id="agent_busy"');
});
