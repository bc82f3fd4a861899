/** Desks that are cut at random, a thousand times, while calls go on: nothing is missed, nothing comes twice. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createLoop } from "../../src/loops/loop.ts";
import { feedEnd, readFeed } from "../../src/outbox/feed.ts";
import { createHub, type Hub } from "../../src/streams/hub.ts";
import type { Sink } from "../../src/streams/listener.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { type Connection, cursorOf, openEvents, openSocket } from "./desk.ts";

const cutsMax = 1_000;
const desksAtOnce = 10;
const testTimeoutMs = 120_000;

let on: TestService;
let line: number;
beforeAll(async () => {
  on = await startTestService();
  line = await on.line("push", { flavour: "push", speed: 200 });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

/** Calls, one after the other in a few rows, for as long as `goesOn`; then what the feed has of them. */
async function callsWhile(goesOn: () => boolean): Promise<string[]> {
  const from = await feedEnd(on.service.calls);
  const row = async (users: string): Promise<void> => {
    while (goesOn()) {
      const { body } = await on.dial({ customerPhone: customer(9), agent: customer(0), lineId: line, userId: users });
      await on.ended(body.callId);
      // The embedded database runs on this thread: calls without a rest would be all that it does.
      await Bun.sleep(40);
    }
  };
  await Promise.all(["one", "two"].map(row));
  // CDRs trail the end of a call.
  for (let before = -1, told = await toldSince(from); ; before = told.length, told = await toldSince(from)) {
    if (told.length === before) return told;
    await Bun.sleep(300);
  }
}

async function toldSince(from: string): Promise<string[]> {
  const told: string[] = [];
  for (let after = from; ; ) {
    const page = await readFeed(on.service.calls, "default", after, 500);
    if (page.reset) throw new Error("the test's own cursor is too old");
    told.push(...page.events.filter(({ topic }) => /created|updated/.test(topic)).map(({ id }) => id));
    if (page.events.length === 0) return told;
    after = page.cursor;
  }
}

interface Desk {
  seen: string[];
  cursor: string | null;
  /** How often something was written to a connection that had said that it is full. */
  overfull: number;
}

async function cutAtRandom(desk: Desk, cuts: number, connect: (after: string | null) => Promise<Connection>) {
  for (let n = 0; n < cuts; n++) {
    const connection = await connect(desk.cursor);
    await Bun.sleep(Math.random() * 30);
    connection.cut();
    note(desk, connection);
  }
}

function note(desk: Desk, connection: Connection): void {
  expect(connection.messages.map(({ type }) => type)).not.toContain("RESET");
  desk.seen.push(...connection.calls().map(({ messageId }) => messageId));
  desk.cursor = cursorOf(connection) ?? desk.cursor;
}

const ways: Record<string, (after: string | null) => Promise<Connection>> = {
  WebSocket: (after) => openSocket(on, on.key, after),
  SSE: (after) => openEvents(on, on.key, after),
};

for (const [name, connect] of Object.entries(ways)) {
  test(
    `${name}: ${cutsMax} cuts`,
    async () => {
      const start = await feedEnd(on.service.calls);
      const desks = Array.from({ length: desksAtOnce }, (): Desk => ({ seen: [], cursor: start, overfull: 0 }));
      let cutting = true;
      const calling = callsWhile(() => cutting);
      await Promise.all(desks.map((desk) => cutAtRandom(desk, cutsMax / desksAtOnce, connect)));
      cutting = false;
      const told = await calling;
      expect(told.length).toBeGreaterThan(20);
      for (const desk of desks) {
        const rest = await connect(desk.cursor);
        if (desk.seen.at(-1) !== told.at(-1)) await rest.until(({ messageId }) => messageId === told.at(-1));
        rest.cut();
        note(desk, rest);
        expect(desk.seen).toEqual(told);
      }
    },
    testTimeoutMs,
  );
}

/** A connection that is full whenever chance will have it, and takes more a little later. */
async function moody(hub: Hub, desk: Desk, forMs: number): Promise<void> {
  const bearer = { tenant: "default", keyId: "none", scopes: ["read" as const], userId: null };
  const listener = hub.listen(bearer, "ws", desk.cursor);
  let full = false;
  let over = false;
  const sink: Sink = {
    write(text) {
      if (full) desk.overfull += 1;
      const message: Json = JSON.parse(text);
      if (message.messageId.startsWith("evt_")) desk.seen.push(message.messageId);
      desk.cursor = message.data.cursor;
      // As a stream's controller does: it asks for more before it has returned.
      if (Math.random() < 0.3) listener.drained();
      full ||= Math.random() < 0.4;
      if (full) {
        setTimeout(() => {
          full = false;
          if (!over) listener.drained();
        }, Math.random() * 12);
      }
      return !full;
    },
    ping() {},
    end() {
      over = true;
    },
  };
  listener.attach(sink);
  await Bun.sleep(forMs);
  over = true;
  listener.left();
}

test(
  `${cutsMax} cuts of connections that are often full, at a hub that remembers next to nothing`,
  async () => {
    const limits = { recentMax: 8, pageMax: 3, gatherMs: 1, replaysAtOnce: 2 };
    const calls = on.service.calls;
    const hub: Hub = createHub(calls, { wake: () => loop.wake(), limits });
    const { clock, log } = calls;
    const loop = createLoop({ name: "moody", clock, log, everyMs: 5, runOnce: hub.runOnce });
    loop.start();
    const start = await feedEnd(calls);
    const desks = Array.from({ length: desksAtOnce }, (): Desk => ({ seen: [], cursor: start, overfull: 0 }));
    let cutting = true;
    const calling = callsWhile(() => cutting);
    const cut = async (desk: Desk): Promise<void> => {
      for (let n = 0; n < cutsMax / desksAtOnce; n++) await moody(hub, desk, Math.random() * 30);
    };
    await Promise.all(desks.map(cut));
    cutting = false;
    const told = await calling;
    for (const desk of desks) {
      for (let n = 0; desk.seen.at(-1) !== told.at(-1) && n < 1_000; n++) await moody(hub, desk, 50);
      expect(desk.seen).toEqual(told);
    }
    expect(desks.map(({ overfull }) => overfull)).toEqual(desks.map(() => 0));
    expect(hub.counts.resets).toBe(0);
    expect(hub.counts.open).toEqual({ ws: 0, sse: 0 });
    await loop.stop();
  },
  testTimeoutMs,
);
