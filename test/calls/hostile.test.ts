/** What strangers send: nothing of it breaks anything, and every no is a problem document. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ZodType } from "zod";
import { orderFields } from "../../channels/contract.ts";
import { refusals } from "../../src/domain/refusal.ts";
import { dialRequest } from "../../src/http/dial-schema.ts";
import { type Answer, customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { codeOf, lineOf, type Variant, variants } from "./variant.ts";

/** Takes every field, so that whatever the schema lets through goes all the way; says yes, and no more. */
const able: Variant = {
  definition: { honours: () => orderFields },
  channel: (channel) => ({
    ...channel,
    place: async ({ callId }) => ({ providerCallId: `yes-${callId}`, providerJobId: null }),
  }),
};

let on: TestService;
let key: string;
let foreign: string;
let callId: string;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 200, loadChannel: variants({ able }) });
  await lineOf(on, { provider: "able" });
  key = await on.tenant("hostile");
  foreign = await on.tenant("stranger");
  callId = (await on.dial({ customerPhone: customer(0) })).body.callId;
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

/** Any answer but ours to give: no 5xx except the documented one, and every no in one form. */
function expectCivil(answer: Answer, about: unknown): void {
  if (answer.status < 400) return;
  const { code, detail, status, success } = answer.body ?? {};
  expect([about, answer.status, Object.hasOwn(refusals, code ?? "")]).toEqual([about, status, true]);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  expect([typeof detail, success]).toEqual(["string", false]);
  if (answer.status >= 500) expect([about, answer.status, code]).toEqual([about, 503, "no_line_left"]);
}

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
/** As JSON text: some of it cannot be written by `JSON.stringify`. */
const poisons = [
  "null",
  "true",
  "0",
  "-1",
  "1.5",
  "1e308",
  "1e999",
  "-1e999",
  "9007199254740993",
  "2147483648",
  '""',
  '" "',
  '"\\u0000"',
  '"a\\u0000b"',
  '"http://a.example/\\u0000"',
  '"http://a.example/\\ud800"',
  '"\\ud800"',
  '"\\u202e\\n\\t"',
  '"💣"',
  `"${"9".repeat(400)}"`,
  `"${"a".repeat(9_000)}"`,
  '"\'; drop table call_records; --"',
  '"%00%0d%0a"',
  '"{}"',
  '"__proto__"',
  "[]",
  "[[[]]]",
  "[null]",
  "{}",
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{}}}',
  '{"toString":1,"valueOf":1,"length":-1}',
  '{"":{"\\u0000":"\\u0000"}}',
  nested(100),
  nested(4_000),
  nested(30_000),
];

describe("dial", () => {
  for (const [field, schema] of Object.entries(dialRequest.shape) as [string, ZodType][]) {
    test(`${field}: whatever stands there`, async () => {
      for (const poison of poisons) {
        const phone = field === "customerPhone" ? "" : `"customerPhone":"${customer(0)}",`;
        const raw = `{${phone}"${field}":${poison}}`;
        const about = `${field}: ${poison.slice(0, 60)}`;
        const answer = await on.ask("POST", "/api/v1/calls/dial", { raw });
        expectCivil(answer, about);
        if (poison === nested(30_000)) continue;
        if (schema.safeParse(JSON.parse(poison)).success) continue;
        const named = (answer.body.errors ?? []).map((one: Json) => one.field.split(".")[0]);
        expect([about, answer.status, named]).toEqual([about, 422, expect.arrayContaining([field])]);
      }
    }, 60_000);
  }

  test("a body that is no object, no JSON, or too much of it", async () => {
    for (const raw of [
      "",
      "{",
      "nul",
      "{'a':1}",
      '{"customerPhone":"1390000000',
      "\u0000",
      '"a" "b"',
      nested(32_000),
    ]) {
      const answer = await on.ask("POST", "/api/v1/calls/dial", { raw });
      expectCivil(answer, raw.slice(0, 40));
      expect([400, 422]).toContain(answer.status);
    }
    for (const raw of ["null", "[]", "1", '"a"', "true"])
      expect(codeOf(await on.ask("POST", "/api/v1/calls/dial", { raw }))).toEqual([422, "invalid"]);
    for (const path of ["dial", "hangup", "search", `${callId}/control`]) {
      const answer = await on.ask("POST", `/api/v1/calls/${path}`, { raw: `{"a":"${"x".repeat(65 * 1024)}"}` });
      expectCivil(answer, path);
      expect(codeOf(answer)).toEqual([413, "too_large"]);
    }
  });

  test("keys that mean something to JavaScript are unknown fields", async () => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"]) {
      const raw = `{"customerPhone":"${customer(0)}","${name}":{"lineId":1}}`;
      const answer = await on.ask("POST", "/api/v1/calls/dial", { raw });
      expectCivil(answer, name);
      if (name !== "__proto__") expect(codeOf(answer)).toEqual([422, "invalid"]);
    }
    expect(({} as Json).lineId).toBeUndefined();
  });

  test("another content type is not read", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "application/xml",
      "x",
    ]) {
      const raw = JSON.stringify({ customerPhone: customer(0) });
      const answer = await on.ask("POST", "/api/v1/calls/dial", { raw, headers: { "content-type": type } });
      expectCivil(answer, type);
      expect([type, ...codeOf(answer)]).toEqual([type, 400, "malformed"]);
    }
  });

  test("what bizData holds comes back as it is", async () => {
    for (const text of ['{"a":"\\u0000","b":[1,null,{"c":"\\ud800"}]}', '"text"', "0", "false", nested(64)]) {
      const raw = `{"customerPhone":"${customer(0)}","bizData":${text}}`;
      const answer = await on.ask("POST", "/api/v1/calls/dial", { raw });
      expect(answer.status).toBe(200);
      const { body } = await on.ask("GET", `/api/v1/calls/${answer.body.callId}`);
      expect(body.bizData).toEqual(JSON.parse(text));
    }
  });
});

test("search: whatever stands in its fields", async () => {
  const fields = ["phone", "bizId", "lineId", "status", "from", "to", "limit", "cursor", "nope"];
  for (const field of fields) {
    for (const poison of poisons) {
      const answer = await on.ask("POST", "/api/v1/calls/search", { raw: `{"${field}":${poison}}` });
      expectCivil(answer, `${field}: ${poison.slice(0, 60)}`);
    }
  }
}, 60_000);

test("hang-up, control and explain: whatever stands in their fields", async () => {
  for (const poison of poisons) {
    for (const [path, raw] of [
      ["calls/hangup", `{"callId":${poison}}`],
      [`calls/${callId}/control`, `{"action":${poison}}`],
      [`calls/${callId}/control`, `{"action":"transfer","to":${poison}}`],
      ["routes/explain", `{"agent":${poison}}`],
      ["routes/explain", `{"lineId":${poison}}`],
    ]) {
      expectCivil(await on.ask("POST", `/api/v1/${path}`, { raw: raw ?? "" }), `${path}: ${raw?.slice(0, 60)}`);
    }
  }
}, 60_000);

const reads = ["", "/status", "/events", "/route"];

test("a call of another tenant is as unknown as one that never was", async () => {
  const unknown = "call_20200101_0000000000000000";
  for (const path of reads) {
    const asked = await on.ask("GET", `/api/v1/calls/${callId}${path}`, { key: foreign });
    const never = await on.ask("GET", `/api/v1/calls/${unknown}${path}`, { key: foreign });
    const { requestId: _, ...told } = asked.body;
    expect([asked.status, told]).toEqual([404, { ...never.body, requestId: undefined }]);
  }
  for (const [path, body] of [
    ["hangup", { callId }],
    [`${callId}/control`, { action: "mute" }],
    [`${callId}/control`, { action: "transfer", to: "10086" }],
  ] as const)
    expect(codeOf(await on.ask("POST", `/api/v1/calls/${path}`, { key: foreign, body }))).toEqual([404, "not_found"]);
  for (const [method, path, body] of [
    ["GET", "/api/v1/calls", undefined],
    ["POST", "/api/v1/calls/search", {}],
  ] as const) {
    const answer = await on.ask(method, path, { key: foreign, ...(body && { body }) });
    expect(answer.body).toEqual({ calls: [], next: null });
  }
});

test("what is no call id is no call", async () => {
  for (const id of ["call_", "call_A", `call_${"a".repeat(60)}`, "call_1%00", "call_1%2F..", "CALL_1", "1", "%E0%A4%A"])
    for (const path of reads) {
      const answer = await on.ask("GET", `/api/v1/calls/${id}${path}`, { key });
      expectCivil(answer, id);
      expect([id, answer.status]).toEqual([id, 404]);
    }
});

test("without a key, or with one that is none: 401 on every route", async () => {
  for (const bad of [null, "hk_0000000000000000000000000000000000000000", "x", "a b"]) {
    for (const [method, path] of [
      ["POST", "/api/v1/calls/dial"],
      ["POST", "/api/v1/calls/hangup"],
      ["POST", `/api/v1/calls/${callId}/control`],
      ["POST", "/api/v1/calls/search"],
      ["POST", "/api/v1/routes/explain"],
      ["GET", "/api/v1/calls"],
      ["GET", "/api/v1/health/callback-log"],
      ...reads.map((read) => ["GET", `/api/v1/calls/${callId}${read}`]),
    ] as [string, string][]) {
      const answer = await on.ask(method, path, { key: bad, ...(method === "POST" && { body: {} }) });
      expect([path, ...codeOf(answer)]).toEqual([path, 401, "unauthorized"]);
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
    }
  }
});

test("a wrong method is 405 and says which are right", async () => {
  for (const [method, path, allow] of [
    ["GET", "/api/v1/calls/dial", "POST"],
    ["PUT", "/api/v1/calls/hangup", "POST"],
    ["GET", "/api/v1/calls/search", "POST"],
    ["DELETE", "/api/v1/calls", "GET, HEAD"],
    ["DELETE", `/api/v1/calls/${callId}`, "GET, HEAD"],
    ["POST", `/api/v1/calls/${callId}/status`, "GET, HEAD"],
    ["GET", `/api/v1/calls/${callId}/control`, "POST"],
    ["PUT", "/api/v1/calls/webhook/fake/status", "GET, HEAD, POST"],
    ["PATCH", "/api/v1/routes/explain", "POST"],
  ] as const) {
    const answer = await on.ask(method, path);
    expectCivil(answer, path);
    expect([path, answer.status, answer.headers.get("allow")]).toEqual([path, 405, allow]);
  }
});
