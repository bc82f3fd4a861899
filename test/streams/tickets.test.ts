import { afterAll, beforeAll, expect, test } from "bun:test";
import { useTicket } from "../../src/auth/tickets.ts";
import { startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { openSocket, ticketOf } from "./desk.ts";

const testTimeoutMs = 30_000;

let on: TestService;
beforeAll(async () => {
  on = await startTestService();
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const handshake = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};
const streamStatus = async (query: string): Promise<number> => {
  const aborted = new AbortController();
  const response = await fetch(`${on.url}/api/v1/events/stream${query}`, { signal: aborted.signal });
  aborted.abort();
  return response.status;
};

test(
  "a ticket works once, for either kind of stream",
  async () => {
    const ticket = await ticketOf(on);
    expect(ticket).toMatch(/^tk_[a-z0-9]{40}$/);
    expect(await streamStatus(`?ticket=${ticket}`)).toBe(200);
    expect(await streamStatus(`?ticket=${ticket}`)).toBe(401);
    expect(openSocket(on, ticket)).rejects.toThrow("refused");
    const other = await ticketOf(on);
    const desk = await openSocket(on, other);
    await desk.until(({ type }) => type === "READY");
    desk.cut();
    expect(await streamStatus(`?ticket=${other}`)).toBe(401);
  },
  testTimeoutMs,
);

test(
  "of many who use one ticket at the same moment exactly one wins",
  async () => {
    for (let round = 0; round < 20; round++) {
      const ticket = await ticketOf(on);
      const uses = await Promise.all(Array.from({ length: 8 }, () => useTicket(on.service.calls, ticket)));
      expect(uses.filter((bearer) => bearer !== null)).toHaveLength(1);
    }
    const ticket = await ticketOf(on);
    const statuses = await Promise.all(Array.from({ length: 8 }, () => streamStatus(`?ticket=${ticket}`)));
    expect(statuses.sort()).toEqual([200, 401, 401, 401, 401, 401, 401, 401]);
  },
  testTimeoutMs,
);

test(
  "a ticket runs out after 30 seconds, and is swept",
  async () => {
    const made = await on.ask("POST", "/api/v1/tickets");
    on.secrets.push(made.body.ticket);
    const left = Date.parse(made.body.expiresAt) - on.clock.now().getTime();
    expect(left).toBeGreaterThan(25_000);
    expect(left).toBeLessThanOrEqual(30_000);
    on.clock.advance(30_001);
    expect(await streamStatus(`?ticket=${made.body.ticket}`)).toBe(401);
    const last = await ticketOf(on);
    const rows = (await on.database.dump()).split("\n\n").find((table) => table.startsWith("tickets\n")) ?? "";
    expect(rows.split("\n")).toHaveLength(2);
    expect(rows).not.toContain(last);
  },
  testTimeoutMs,
);

test(
  "a ticket does no more than its key, and falls with it",
  async () => {
    const make = async (scopes: string[]) => {
      const { body } = await on.ask("POST", "/api/v1/keys", { body: { name: "k", scopes } });
      on.secrets.push(body.key);
      return body as { id: string; key: string };
    };
    for (const scope of ["manage", "ops"]) {
      const { key } = await make([scope]);
      expect((await on.ask("POST", "/api/v1/tickets", { key })).status).toBe(403);
      expect((await on.ask("GET", "/api/v1/events/stream", { key })).status).toBe(403);
    }
    const { id, key } = await make(["call"]);
    const ticket = await ticketOf(on, { key });
    const desk = await openSocket(on, await ticketOf(on, { key }));
    await desk.until(({ type }) => type === "READY");
    expect((await on.ask("DELETE", `/api/v1/keys/${id}`)).status).toBe(200);
    expect(await streamStatus(`?ticket=${ticket}`)).toBe(401);
    // Its open streams end too, when keys are next looked at.
    on.clock.advance(61_000);
    expect(await desk.ended).toBe(4401);
  },
  testTimeoutMs,
);

async function open(): Promise<string> {
  const { text } = await on.ask("GET", "/metrics");
  const of = (kind: string): string =>
    new RegExp(`^hualu_streams\\{kind="${kind}"\\} (\\d+)$`, "m").exec(text)?.[1] ?? "";
  return `${of("ws")} ${of("sse")}`;
}

test(
  "what is no ticket, no handshake or no body is said so",
  async () => {
    expect(await streamStatus("")).toBe(401);
    for (const wrong of ["", "tk_", `tk_${"a".repeat(40)}`, `tk_${"A".repeat(40)}`, "%00", "x".repeat(5_000)])
      expect(await streamStatus(`?ticket=${wrong}`)).toBe(401);
    const plain = await on.ask("GET", "/ws/desk");
    expect([plain.status, plain.body.code]).toEqual([400, "malformed"]);
    const headers = { ...handshake, "sec-websocket-key": "" };
    expect((await on.ask("GET", "/ws/desk", { headers })).status).toBe(400);
    expect((await on.ask("GET", "/ws/desk", { key: null, headers: handshake })).status).toBe(401);
    for (const body of [{ userId: "" }, { userId: "x".repeat(65) }, { user: "u" }])
      expect((await on.ask("POST", "/api/v1/tickets", { body })).status).toBe(422);
    const head = await on.ask("HEAD", "/api/v1/events/stream");
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
    // None of these has taken a place, the SSE streams above have given theirs back.
    for (let n = 0; n < 200 && (await open()) !== "0 0"; n++) await Bun.sleep(10);
    expect(await open()).toBe("0 0");
  },
  testTimeoutMs,
);
