/** A poll in its usual form goes past the router: what it is told must be what the router would have told. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Answer, customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";

let on: TestService;
beforeAll(async () => {
  on = await startTestService({ tickMs: 200 });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

/** All of an answer that does not differ from request to request. */
function told({ status, headers, body }: Answer) {
  const { requestId: _own, ...rest } = body;
  const named = [...headers].filter(([name]) => !["date", "x-request-id", "content-length"].includes(name)).sort();
  return { status, headers: named, body: rest };
}

test("both ways tell the same: of a call, of none, of another tenant's, and to whoever may not ask", async () => {
  const lineId = await on.line("fake", { speed: 50 });
  const { body: dialed } = await on.dial({ customerPhone: customer(0), lineId });
  const others = await on.tenant("others");
  const scoped = async (...scopes: string[]): Promise<string> => {
    const { body } = await on.ask("POST", "/api/v1/keys", { body: { name: "k", scopes } });
    on.secrets.push(body.key);
    return body.key;
  };
  const keys = {
    ours: undefined,
    call: await scoped("call"),
    ops: await scoped("ops"),
    others,
    none: null,
    bad: "hk_x",
  };
  const both = async (callId: string, key: string | null | undefined) => {
    const asked = key === undefined ? {} : { key };
    const path = `/api/v1/calls/${callId}/status`;
    const [short, long] = [await on.ask("GET", path, asked), await on.ask("GET", `${path}?wait=0`, asked)];
    expect(short.headers.get("x-request-id")).toMatch(/^req_\w{20}$/);
    return [told(short), told(long)] as const;
  };
  await on.ended(dialed.callId);
  const statuses: Record<string, number> = {};
  for (const [name, key] of Object.entries(keys)) {
    for (const callId of [dialed.callId, `call_20260101_${"0".repeat(16)}`, "call_!", "call_UPPER", "139"]) {
      const [short, long] = await both(callId, key);
      expect([name, callId, short]).toEqual([name, callId, long]);
      if (callId === dialed.callId) statuses[name] = short.status;
    }
  }
  expect(statuses).toEqual({ ours: 200, call: 200, ops: 403, others: 404, none: 401, bad: 401 });
  const given = { headers: { "x-request-id": "mine-4711" } };
  const { headers } = await on.ask("GET", `/api/v1/calls/${dialed.callId}/status`, given);
  expect(headers.get("x-request-id")).toBe("mine-4711");
  // And are counted as one.
  const scrape = await fetch(`${on.url}/metrics`, { headers: { authorization: `Bearer ${on.key}` } });
  const routes = [...(await scrape.text()).matchAll(/^hualu_http_\w+\{.*route="([^"]*status)"/gm)].map(
    ([, route]) => route,
  );
  expect([...new Set(routes)]).toEqual(["/api/v1/calls/:callId/status"]);
});
