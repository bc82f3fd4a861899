import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { systemClock } from "../../src/clock.ts";
import { ConfigError, readConfig } from "../../src/config.ts";
import { mayReach, readNetwork } from "../../src/guard/addresses.ts";
import { GuardError } from "../../src/guard/error.ts";
import type { Outgoing } from "../../src/guard/exchange.ts";
import { createGuard, type Guard, type GuardOptions } from "../../src/guard/guard.ts";
import { shiftedClock } from "../service.ts";
import { hostileNames, hostileUrls } from "./hostile.ts";

/** Counts whoever gets through, on every loopback address. */
let connections = 0;
let server: Server;
let port = 0;
beforeAll(async () => {
  server = createServer((socket) => {
    connections += 1;
    socket.on("error", () => {});
    socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
afterAll(() => void server.close());

const never = new AbortController().signal;
const outgoing = (url: string): Outgoing => ({
  method: "POST",
  url,
  headers: {},
  body: "{}",
  deadlineMs: 2_000,
  answerBytesMax: 64,
});

function guardOf(options: Partial<GuardOptions> = {}): Guard {
  return createGuard({ clock: systemClock(), allowed: [], resolve: resolveHostile, ...options });
}

/** Any name that is not listed is the server on loopback: whatever is let through is seen. */
async function resolveHostile(host: string): Promise<readonly string[]> {
  const listed = Object.entries(hostileNames).find(([name]) => name.toLowerCase() === host);
  return listed?.[1] ?? ["127.0.0.1"];
}

async function errorOf(work: Promise<unknown>): Promise<GuardError | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof GuardError) return error;
    throw error;
  }
}

describe("hostile addresses", () => {
  const list = () => hostileUrls(port);

  test("are more than two hundred, each its own", () => {
    expect(new Set(list()).size).toBe(list().length);
    expect(list().length).toBeGreaterThanOrEqual(200);
  });

  test("are refused when they are given, and when they are to be sent to; not a packet leaves", async () => {
    const guard = guardOf();
    const before = connections;
    for (const url of list()) {
      const reason = await guard.check(url);
      const error = await errorOf(guard.send(outgoing(url), never));
      expect([url, typeof reason, error?.kind]).toEqual([url, "string", "refused"]);
      expect(error?.code).toBe(reason as string);
    }
    expect(connections).toBe(before);
  });

  test("an answer that changes is looked at before every connection, and what was looked at is what is reached", async () => {
    const clock = shiftedClock();
    let asked = 0;
    const answers = ["8.8.8.8", "127.0.0.1", "127.0.0.1"];
    const guard = guardOf({ clock, resolve: async () => [answers[Math.min(asked++, 2)] ?? ""] });
    const before = connections;
    expect(await guard.check(`http://rebind.example:${port}/`)).toBeNull();
    clock.advance(60_000);
    const error = await errorOf(guard.send(outgoing(`http://rebind.example:${port}/`), never));
    expect([error?.kind, error?.code]).toEqual(["refused", "not_public"]);
    expect(asked).toBe(2);
    // Between the look-up and the connection nobody is asked again: what the first answer named is where it goes.
    asked = 0;
    const pinned = guardOf({ clock, resolve: async () => [answers[Math.min(asked++, 2)] ?? ""] });
    await errorOf(pinned.send({ ...outgoing(`http://rebind.example:${port}/`), deadlineMs: 300 }, never));
    expect(asked).toBe(1);
    expect(connections).toBe(before);
  });

  test("a redirect is an answer and is not followed", async () => {
    const elsewhere = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () =>
        socket.end(`HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:${port}/\r\ncontent-length: 0\r\n\r\n`),
      );
    });
    await new Promise<void>((done) => elsewhere.listen(0, "127.0.0.1", done));
    const address = elsewhere.address();
    const theirs = typeof address === "object" && address !== null ? address.port : 0;
    const before = connections;
    const guard = guardOf({ allowed: [readNetwork("127.0.0.1")] });
    expect((await guard.send(outgoing(`http://127.0.0.1:${theirs}/`), never)).status).toBe(307);
    expect(connections).toBe(before);
    guard.close();
    await new Promise<void>((done) => elsewhere.close(() => done()));
  });
});

describe("public addresses", () => {
  const goods = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.0.1.1"];
  const goodSixes = ["2606:4700::1111", "2400:3200::1", "2001:4860:4860::8888", "2a00::1"];

  test("pass", async () => {
    for (const address of [...goods, ...goodSixes]) expect([address, mayReach(address, [])]).toEqual([address, true]);
    const guard = guardOf({ resolve: async () => ["8.8.8.8", "2606:4700::1111"] });
    const urls = ["https://hooks.example.com/x?token=1#part", "http://例子.example/", "https://a_b.example:8443/"];
    for (const url of urls) expect([url, await guard.check(url)]).toEqual([url, null]);
  });

  test("a name that does not exist is told from a resolver that fails", async () => {
    const failing = (code: string) =>
      guardOf({
        resolve: async () => {
          throw Object.assign(new Error("no"), { code });
        },
      });
    expect(await failing("ENOTFOUND").check("http://nowhere.example/")).toBe("unknown_name");
    expect(await failing("EAI_AGAIN").check("http://somewhere.example/")).toBeNull();
    const error = await errorOf(failing("EAI_AGAIN").send(outgoing("http://somewhere.example/"), never));
    expect([error?.kind, error?.code]).toEqual(["unresolved", "EAI_AGAIN"]);
  });
});

describe("exceptions", () => {
  test("name networks, and open nothing else", async () => {
    const allowed = ["127.0.0.0/8", "10.1.0.0/16", "fd00::/8"].map(readNetwork);
    expect(["127.0.0.1", "10.1.2.3", "fd12::1"].map((address) => mayReach(address, allowed))).toEqual(
      Array(3).fill(true),
    );
    const others = ["10.2.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"];
    expect(others.map((address) => mayReach(address, allowed))).toEqual(Array(4).fill(false));
    const before = connections;
    const guard = guardOf({ allowed });
    expect(String((await guard.send(outgoing(`http://let-in.example:${port}/`), never)).body)).toBe("ok");
    expect(connections).toBe(before + 1);
    guard.close();
  });

  test("come from HUALU_ALLOW_NETWORKS, and a wrong one stops the start", () => {
    const networks = readConfig({ HUALU_ALLOW_NETWORKS: "10.0.0.0/8, fd00::/8,192.168.1.7" }).allowNetworks;
    expect(mayReach("192.168.1.7", networks)).toBe(true);
    expect(mayReach("192.168.1.8", networks)).toBe(false);
    expect(readConfig({}).allowNetworks).toEqual([]);
    for (const wrong of ["10.0.0.0/33", "10.1", "lan", "10.0.0.0/8;fd00::/8", ","])
      expect(() => readConfig({ HUALU_ALLOW_NETWORKS: wrong })).toThrow(ConfigError);
  });
});

describe("limits", () => {
  const here = (): Guard => guardOf({ allowed: [readNetwork("127.0.0.1")] });

  test("a far side that hangs, resets or speaks nonsense fails by its kind", async () => {
    const cases: [string, (socket: import("node:net").Socket) => void][] = [
      ["timeout", () => {}],
      ["timeout", (socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")],
      ["reset", (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")],
    ];
    for (const [kind, answer] of cases) {
      const far = createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => answer(socket));
      });
      await new Promise<void>((done) => far.listen(0, "127.0.0.1", done));
      const address = far.address();
      const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
      const guard = here();
      expect((await errorOf(guard.send({ ...outgoing(url), deadlineMs: 200 }, never)))?.kind).toBe(kind as "timeout");
      guard.close();
      await new Promise<void>((done) => far.close(() => done()));
    }
  });

  test("an answer is cut where it is too long, whatever it says of its length", async () => {
    const head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
    const chunk = `400\r\n${"x".repeat(1024)}\r\n`;
    const heads = [
      "content-length: 5\r\ntransfer-encoding: chunked",
      "transfer-encoding: chunked",
      "content-length: 999999",
    ];
    for (const said of heads) {
      let sent = 0;
      const far = createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => socket.write(`${head}${said}\r\n\r\n`));
        const more = setInterval(() => {
          sent += 1;
          socket.write(said.includes("chunked") ? chunk : "x".repeat(1024));
        }, 2);
        socket.on("close", () => clearInterval(more));
      });
      await new Promise<void>((done) => far.listen(0, "127.0.0.1", done));
      const address = far.address();
      const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
      const guard = here();
      const answer = await guard.send(outgoing(url), never);
      expect([said, answer.status, answer.body.length]).toEqual([said, 200, 64]);
      const before = sent;
      await Bun.sleep(100);
      expect([said, sent - before <= 10]).toEqual([said, true]);
      guard.close();
      await new Promise<void>((done) => far.close(() => done()));
    }
  });

  test("an abort ends what is under way, and begins nothing", async () => {
    const stop = new AbortController();
    const far = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => stop.abort());
    });
    await new Promise<void>((done) => far.listen(0, "127.0.0.1", done));
    const address = far.address();
    const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`;
    const guard = here();
    expect((await errorOf(guard.send(outgoing(url), stop.signal)))?.kind).toBe("aborted");
    expect((await errorOf(guard.send(outgoing(url), stop.signal)))?.kind).toBe("aborted");
    guard.close();
    await new Promise<void>((done) => far.close(() => done()));
  });

  test("a resolver that never answers is not waited for beyond the deadline", async () => {
    const guard = guardOf({ resolve: () => new Promise(() => {}) });
    const error = await errorOf(guard.send({ ...outgoing("http://mute.example/"), deadlineMs: 100 }, never));
    expect(error?.kind).toBe("timeout");
  });
});
