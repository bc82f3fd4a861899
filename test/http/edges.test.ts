import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DatabaseError } from "../../db/sql.ts";
import { bodyLimit } from "../../src/http/route.ts";
import { startApp, startTimeoutMs, type TestApp } from "./start.ts";

const canary = "13912345678 hunter2";
let app: TestApp;
beforeAll(async () => {
  app = await startApp({
    register: [
      (app) => {
        app.post("/raw/:channel/:token/:kind?", bodyLimit(1024 * 1024), async (c) => {
          const bytes = await c.req.arrayBuffer();
          return c.text(String(bytes.byteLength));
        });
        app.get("/away", () => {
          throw new DatabaseError("unreachable", null, null);
        });
        app.get("/wrong", () => {
          throw new DatabaseError("42P01", null, null);
        });
        app.get("/broken", () => {
          throw new Error(canary);
        });
      },
    ],
  });
}, startTimeoutMs);
afterAll(() => app.stop(), startTimeoutMs);

const agents = "/api/v1/agents";

function expectProblem(answer: Awaited<ReturnType<TestApp["ask"]>>, status: number, code: string): void {
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect([answer.status, answer.body.code]).toEqual([status, code]);
  expect(answer.body).toMatchObject({ status, code, success: false, type: `/docs/problems#${code}` });
  expect(answer.body.message).toContain(" · ");
  expect(answer.body.requestId).toBe(answer.headers.get("x-request-id"));
}

describe("what a body may be", () => {
  test("malformed JSON is 400", async () => {
    for (const raw of ["{", "", "nonsense", '{"name":"a"'])
      expectProblem(await app.ask("POST", agents, { raw }), 400, "malformed");
  });

  test("another content type is 400 and says which one is meant", async () => {
    const answer = await app.ask("POST", agents, { raw: "name=a", headers: { "content-type": "text/plain" } });
    expectProblem(answer, 400, "malformed");
    expect(answer.body.detail).toContain("application/json");
  });

  test("wrong types are 422, all of them named, none with its value", async () => {
    const body = { name: 5, phone: "secret-value", seats: { hw: 7, NOPE: "1" } };
    const answer = await app.ask("POST", agents, { body });
    expectProblem(answer, 422, "invalid");
    const fields = answer.body.errors.map(({ field }: { field: string }) => field).sort();
    expect(fields).toEqual(["name", "phone", "seats.NOPE", "seats.hw"]);
    expect(answer.text).not.toContain("secret-value");
  });

  test("anything but an object is 422", async () => {
    for (const body of [[], null, 1, "a"]) {
      const answer = await app.ask("POST", agents, { body });
      expectProblem(answer, 422, "invalid");
      expect(answer.body.errors[0].field).toBe("body");
    }
  });

  test("an unknown field is 422 and named, at every depth", async () => {
    const flat = await app.ask("POST", agents, { body: { name: "A", naem: "B" } });
    expectProblem(flat, 422, "invalid");
    expect(flat.body.errors).toEqual([{ field: "naem", message: "未知字段 · unknown field" }]);
    const price = { currency: "CNY", a: { perMinute: "0.1", firstIncrement: 60, nextIncrement: 60, vat: 1 } };
    const body = { name: "L", providerType: "trial", providerConfig: {}, price };
    const deep = await app.ask("POST", "/api/v1/calls/lines", { body });
    expect(deep.body.errors.map(({ field }: { field: string }) => field)).toEqual(["price.a.vat"]);
  });

  test("control characters and NUL, which the database cannot hold, are 422", async () => {
    for (const name of ["a\u0000b", "a\nb", "\ud800"])
      expectProblem(await app.ask("POST", agents, { body: { name } }), 422, "invalid");
  });

  test("an unknown or repeated query parameter, a limit too high and a foreign cursor are 422", async () => {
    for (const query of ["limt=5", "limit=201", "limit=0", "limit=x", "limit=1&limit=2", "cursor=AAAA", "cursor=%00"])
      expectProblem(await app.ask("GET", `${agents}?${query}`), 422, "invalid");
  });

  test("more than 64 KiB is 413, with its length told or streamed", async () => {
    const large = JSON.stringify({ name: "x".repeat(64 * 1024) });
    expectProblem(await app.ask("POST", agents, { raw: large }), 413, "too_large");
    expectProblem(await app.ask("POST", agents, { raw: streamOf(large) }), 413, "too_large");
    expect((await app.ask("POST", agents, { raw: streamOf('{"name":"Streamed"}') })).status).toBe(201);
  });

  test("routes with a limit of their own take what it allows, unparsed and without a key", async () => {
    const ask = (raw: string) => app.ask("POST", "/raw/e9/wh_1", { key: null, raw });
    expect((await ask("{".repeat(100_000))).text).toBe("100000");
    expectProblem(await ask("{".repeat(1024 * 1024 + 1)), 413, "too_large");
  });
});

describe("what a path may be", () => {
  test("unknown ones are 404, also where they look like an id", async () => {
    for (const path of ["/", "/nope", "/api/v1", "/api/v1/calls/lines/abc", "/api/v1/calls/lines/0", `${agents}/%00`])
      expectProblem(await app.ask("GET", path), 404, "not_found");
    for (const path of ["/api/v1/calls/lines/1e3", "/api/v1/calls/lines/99999999999", "/api/v1/keys/nope"])
      expectProblem(await app.ask("DELETE", path), 404, "not_found");
  });

  test("a wrong method is 405 with what is allowed", async () => {
    const allowed = async (method: string, path: string) => {
      const answer = await app.ask(method, path);
      expectProblem(answer, 405, "method_not_allowed");
      return answer.headers.get("allow");
    };
    expect(await allowed("DELETE", agents)).toBe("GET, HEAD, POST");
    expect(await allowed("PATCH", `${agents}/a`)).toBe("DELETE, GET, HEAD, PUT");
    expect(await allowed("GET", "/api/v1/keys/key_0123456789abcdef")).toBe("DELETE");
    expect(await allowed("GET", "/raw/e9/wh_1/status")).toBe("POST");
    expect(await allowed("POST", "/docs/swagger-ui.css")).toBe("GET, HEAD");
  });

  test("a fixed path is never read as an id", async () => {
    const answer = await app.ask("GET", "/api/v1/calls/lines/test");
    expectProblem(answer, 405, "method_not_allowed");
    expect(answer.headers.get("allow")).toBe("POST");
  });
});

describe("what goes wrong on our side", () => {
  test("the database away is 503 and says when to come back", async () => {
    const answer = await app.ask("GET", "/away");
    expectProblem(answer, 503, "unavailable");
    expect(answer.headers.get("retry-after")).toBe("1");
  });

  test("anything else is 500, and foreign words stay out of the answer and the log", async () => {
    expectProblem(await app.ask("GET", "/wrong"), 500, "internal");
    const answer = await app.ask("GET", "/broken");
    expectProblem(answer, 500, "internal");
    expect(answer.text).not.toContain("hunter2");
    const log = app.logged.join("");
    expect(log).toContain('"route":"/broken"');
    expect(log).toContain(answer.body.requestId);
    for (const word of canary.split(" ")) expect(log).not.toContain(word);
  });
});

describe("what every answer carries", () => {
  test("a sane request id is kept, any other replaced", async () => {
    const idFor = async (given: string) =>
      (await app.ask("GET", agents, { headers: { "x-request-id": given } })).headers.get("x-request-id");
    expect(await idFor("my-app.4711-a_b")).toBe("my-app.4711-a_b");
    for (const given of ["short", "x".repeat(65), "has spaces in it", "call-13912345678"])
      expect(await idFor(given)).toMatch(/^req_[a-z0-9]{20}$/);
  });

  test("safe headers, on refusals too", async () => {
    for (const path of [agents, "/nope", "/broken"]) {
      const { headers } = await app.ask("GET", path);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    }
  });

  test("the log knows the route's pattern, never the address", async () => {
    await app.ask("GET", `${agents}/agent-of-13912345678?limit=5`);
    const log = app.logged.join("");
    expect(log).toContain('"route":"/api/v1/agents/:id"');
    expect(log).not.toContain("agent-of");
  });
});

function streamOf(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += 8192) controller.enqueue(bytes.subarray(at, at + 8192));
      controller.close();
    },
  });
}
