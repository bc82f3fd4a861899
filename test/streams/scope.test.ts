import { afterAll, beforeAll, expect, test } from "bun:test";
import { createConnection } from "node:net";
import { Refusal } from "../../src/domain/refusal.ts";
import { appendOutbox } from "../../src/outbox/append.ts";
import { feedEnd, feedStart } from "../../src/outbox/feed.ts";
import { createHub } from "../../src/streams/hub.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { type Connection, openEvents, openSocket, ticketOf } from "./desk.ts";

const testTimeoutMs = 60_000;

let on: TestService;
let line: number;
beforeAll(async () => {
  on = await startTestService();
  line = await on.line("push", { flavour: "push", speed: 200 });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

async function call(more: Record<string, unknown> = {}, key = on.key, lineId = line): Promise<string> {
  const body = { customerPhone: customer(0), agent: customer(0), lineId, ...more };
  const answer = await on.ask("POST", "/api/v1/calls/dial", { key, body });
  // 202 where this machine is so busy that the line's yes came late.
  expect([200, 202]).toContain(answer.status);
  return answer.body.callId;
}

const isReady = ({ type }: Json): boolean => type === "READY";
const endOf =
  (callId: string) =>
  ({ type, data }: Json): boolean =>
    type === "CALL_ENDED" && data.callId === callId;

test(
  "a tenant sees its own calls alone; a ticket for one user that user's alone",
  async () => {
    const foreign = await on.tenant("foreign");
    const foreignLine = await on.line("foreign", { speed: 200 }, foreign);
    const [mine, theirs, ana, ben] = await Promise.all([
      openSocket(on, await ticketOf(on)),
      openEvents(on, foreign),
      openSocket(on, await ticketOf(on, { userId: "ana" })),
      openSocket(on, await ticketOf(on, { userId: "ben" })),
    ]);
    await Promise.all([mine, theirs, ana, ben].map((desk) => desk.until(isReady)));
    const calls = [await call({ userId: "ana" }), await call({ userId: "ben" }), await call()];
    // The other tenant has a user of the same name.
    const other = await call({ userId: "ana" }, foreign, foreignLine);
    await Promise.all(calls.map((callId) => mine.until(endOf(callId))));
    await Promise.all([ana.until(endOf(calls[0] ?? "")), ben.until(endOf(calls[1] ?? "")), theirs.until(endOf(other))]);
    const seenBy = (desk: typeof mine): string[] => [...new Set(desk.calls().map(({ data }) => data.callId))].sort();
    expect(seenBy(mine)).toEqual([...calls].sort());
    expect(seenBy(ana)).toEqual([calls[0] ?? ""]);
    expect(seenBy(ben)).toEqual([calls[1] ?? ""]);
    expect(seenBy(theirs)).toEqual([other]);
    for (const desk of [mine, theirs, ana, ben]) desk.cut();
    // A cursor of one tenant, used by another, shows that other's calls, from the beginning of all.
    const start = await feedStart(on.service.calls);
    const replayed = await openEvents(on, foreign, start);
    await replayed.until(endOf(other));
    expect(seenBy(replayed)).toEqual([other]);
    const anaAgain = await openSocket(on, await ticketOf(on, { userId: "ana" }), start);
    await anaAgain.until(endOf(calls[0] ?? ""));
    expect(seenBy(anaAgain)).toEqual([calls[0] ?? ""]);
    replayed.cut();
    anaAgain.cut();
  },
  testTimeoutMs,
);

function forged(change: (parts: string[]) => string[], cursor: string): string {
  const parts = Buffer.from(cursor, "base64url").toString().split(".");
  return Buffer.from(change(parts).join(".")).toString("base64url");
}

test(
  "a cursor that is too old, of another history or of nobody's making answers RESET, and the stream goes on",
  async () => {
    const end = await feedEnd(on.service.calls);
    const old = String(on.clock.now().getTime() - 31 * 86_400_000);
    const cursors = {
      "too old": forged(([epoch = ""]) => [epoch, "1", "1", old], end),
      "of another history": forged(([, ...rest]) => ["0".repeat(32), ...rest], end),
      "from the future": forged(([epoch = "", xid, id = "", at = ""]) => [epoch, `${xid}0000`, id, at], end),
      "beyond all numbers": forged(([epoch = "", , , at = ""]) => [epoch, "0", "9".repeat(19), at], end),
      "no cursor": "nonsense",
    };
    for (const [name, cursor] of Object.entries(cursors)) {
      for (const desk of [await openSocket(on, on.key, cursor), await openEvents(on, on.key, cursor)]) {
        const reset = await desk.until(({ type }) => type === "RESET").catch(() => null);
        expect([name, reset?.type]).toEqual([name, "RESET"]);
        const callId = await call();
        await desk.until(endOf(callId));
        // What the RESET gave can be resumed from.
        desk.cut();
        const again = await openSocket(on, on.key, reset.data.cursor);
        await again.until(endOf(callId));
        expect(again.messages.map(({ type }) => type)).not.toContain("RESET");
        again.cut();
      }
    }
    const long = await on.ask("GET", `/api/v1/events/stream?after=${"a".repeat(257)}`);
    expect(long.status).toBe(422);
  },
  testTimeoutMs,
);

interface Mute {
  /** Reads again, to the end. */
  read(): Promise<string>;
}

/** A connection whose owner stops reading once it stands: what is sent stays on the way. */
function mute(at: TestService, path: string, headers: string): Promise<Mute> {
  const { hostname, port } = new URL(at.url);
  const socket = createConnection(Number(port), hostname);
  const chunks: Buffer[] = [];
  const over = new Promise<void>((done) => socket.once("close", () => done()));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}Authorization: Bearer ${at.key}\r\n\r\n`);
  return new Promise((done) => {
    socket.on("data", (bytes: Buffer) => {
      chunks.push(bytes);
      if (!bytes.includes("READY")) return;
      socket.pause();
      done({
        async read() {
          socket.resume();
          await over;
          return Buffer.concat(chunks).toString("latin1");
        },
      });
    });
  });
}

/** News of a tenant with a payload that fills what lies between two ends of a connection. */
async function flood(at: TestService, count: number): Promise<void> {
  const ctx = at.service.calls;
  const payload = { userId: "u".repeat(20_000), status: "calling", statusBefore: "calling", connTime: null };
  const messages = Array.from({ length: count }, (_, index) => ({
    tenant: "default",
    callId: `call_flood_${ctx.clock.now().getTime()}_${index}`,
    version: 2,
    topic: "call.updated" as const,
    payload,
  }));
  await ctx.db.tx((q) => appendOutbox(ctx, q, messages));
}

const webSocket =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const floodMessages = 800;

const idsOf = (desk: Connection): string[] => desk.calls().map(({ messageId }) => messageId);

async function slowCuts(): Promise<number> {
  const { text } = await on.ask("GET", "/metrics");
  return Number(/^hualu_streams_ended_total\{reason="slow"\} (\d+)$/m.exec(text)?.[1]);
}

for (const [name, path, headers] of [
  ["WebSocket", "/ws/desk", webSocket],
  ["SSE", "/api/v1/events/stream", "Connection: close\r\n"],
] as const) {
  test(
    `${name}: a reader that does not read is cut, not buffered for, and finds the rest by its cursor`,
    async () => {
      const slow = await mute(on, path, headers);
      const desk = await openSocket(on, on.key);
      await desk.until(isReady);
      const cuts = await slowCuts();
      await flood(on, floodMessages);
      const callId = await call();
      // Who reads hears everything meanwhile.
      await desk.until(endOf(callId));
      expect(desk.calls().length).toBeGreaterThan(floodMessages);
      on.clock.advance(21_000);
      for (let n = 0; n < 1_000 && (await slowCuts()) === cuts; n++) await Bun.sleep(10);
      expect(await slowCuts()).toBe(cuts + 1);
      const text = await slow.read();
      const told = [...text.matchAll(/"messageId":"(evt_\d+)".*?"cursor":"([\w-]+)"\}\}/g)];
      expect(told.length).toBeLessThan(floodMessages);
      if (name === "WebSocket") expect(text).toContain("\x11\x38read too slowly");
      const again = await openEvents(on, on.key, told.at(-1)?.[2] ?? "");
      await again.until(endOf(callId));
      const upToEnd = (ids: string[]): string[] => ids.slice(0, idsOf(desk).length);
      const heard = [...told.map(([, id = ""]) => id), ...idsOf(again)];
      // The slow one was there first, and may have heard the last of an earlier call.
      const both = heard.slice(heard.indexOf(idsOf(desk)[0] ?? ""));
      expect(upToEnd(both)).toEqual(idsOf(desk).slice(0, both.length));
      again.cut();
      desk.cut();
    },
    testTimeoutMs,
  );
}

test("there is room for so many listeners, of one tenant and of all, and a place is given back", async () => {
  const hub = createHub(on.service.calls, { wake() {}, limits: { listenersMax: 3, tenantListenersMax: 2 } });
  const listen = (tenant: string) => hub.listen({ tenant, keyId: "k", scopes: ["read"], userId: null }, "sse", null);
  const first = listen("one");
  listen("one");
  expect(() => listen("one")).toThrow(Refusal);
  listen("two");
  expect(() => listen("two")).toThrow(Refusal);
  first.left();
  first.left();
  listen("two");
  expect(hub.counts.open.sse).toBe(3);
  hub.close();
  expect(hub.counts.open.sse).toBe(0);
  expect(() => listen("one")).toThrow(Refusal);
});

test(
  "a stop ends every stream: 1001, or the end of the events",
  async () => {
    const other = await startTestService();
    const [socket, events] = [await openSocket(other, other.key), await openEvents(other, other.key)];
    await Promise.all([socket.until(isReady), events.until(isReady)]);
    // One that never reads is not waited for without end.
    const slow = await mute(other, "/api/v1/events/stream", "Connection: close\r\n");
    await flood(other, floodMessages);
    await events.until(() => events.calls().length === floodMessages);
    const stopping = other.stop();
    expect(await Promise.all([socket.ended, events.ended])).toEqual([1001, 0]);
    await stopping;
    await slow.read();
  },
  startTimeoutMs,
);
