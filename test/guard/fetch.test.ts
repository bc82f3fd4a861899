/** The guarded fetch behind the channels' door: what a far side does wrong is told as the plain one tells it. */
import { afterAll, expect, test } from "bun:test";
import { createServer } from "node:http";
import { createServer as createTcpServer, type Socket } from "node:net";
import { open, send } from "../../channels/kit/http.ts";
import { systemClock } from "../../src/clock.ts";
import { readNetwork } from "../../src/guard/addresses.ts";
import { guardedFetch } from "../../src/guard/fetch.ts";
import { createGuard } from "../../src/guard/guard.ts";
import { failure } from "../channels/checks/check.ts";
import { deadUrl, type FaultName, startFault } from "../channels/faults.ts";

const guard = createGuard({ clock: systemClock(), allowed: [readNetwork("127.0.0.1")] });
afterAll(() => guard.close());
const fetch = guardedFetch(guard);
const never = () => new AbortController().signal;
const post = (url: string) => ({ method: "POST", url, headers: { "x-one": "1" }, body: "hello" });

async function serve(answer: Parameters<typeof createServer>[1]) {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test("a request goes out as written, and its answer comes back", async () => {
  const far = await serve(async (request, response) => {
    const body = (await Array.fromAsync(request)).join("");
    response
      .writeHead(418, { "x-two": "2" })
      .end(`${request.method} ${request.url} ${request.headers["x-one"]} ${body}`);
  });
  const answer = await send(fetch, post(`${far.url}/a?b=c`), never());
  expect([answer.status, answer.headers.get("x-two"), answer.text()]).toEqual([418, "2", "POST /a?b=c 1 hello"]);
  far.stop();
});

test("of a far side that fails nobody knows what it did, and nothing is sent twice", async () => {
  const names: FaultName[] = ["reset", "closed", "garbage", "cutShort", "tooLarge"];
  for (const name of names) {
    const far = await startFault(name);
    const error = await failure(send(fetch, post(far.url), never()), name);
    expect([name, error.effect, far.arrived]).toEqual([name, "unknown", 1]);
    await far.stop();
  }
  const mute = await startFault("mute");
  const late = await failure(send(fetch, { ...post(mute.url), deadlineMs: 100 }, never()), "mute");
  expect([late.kind, late.effect]).toEqual(["timeout", "unknown"]);
  const stuck = await startFault("stuckBody");
  const half = await failure(send(fetch, { ...post(stuck.url), deadlineMs: 100 }, never()), "half an answer");
  expect([half.kind, half.effect]).toEqual(["timeout", "unknown"]);
  await Promise.all([mute.stop(), stuck.stop()]);
});

/** A far side that is told for each connection what to do with the nth request on it. */
async function connections(answers: (request: number, socket: Socket) => void) {
  let opened = 0;
  let arrived = 0;
  const server = createTcpServer((socket) => {
    opened += 1;
    let asked = 0;
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      if (!bytes.toString("latin1").startsWith("POST ")) return;
      arrived += 1;
      asked += 1;
      answers(asked, socket);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  return { url, counts: () => [opened, arrived], stop: () => void server.close() };
}
const yes = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

test("one request after the other goes over the same connection", async () => {
  const far = await connections((_, socket) => void socket.write(yes));
  for (let n = 0; n < 5; n += 1) await send(fetch, post(far.url), never());
  expect(far.counts()).toEqual([1, 5]);
  far.stop();
});

test("a connection that was closed meanwhile is not used", async () => {
  let closed = (): void => {};
  const over = new Promise<void>((done) => {
    closed = done;
  });
  const far = await connections((_, socket) => {
    socket.on("close", () => closed());
    socket.write(yes, () => setTimeout(() => socket.end(), 20));
  });
  await send(fetch, post(far.url), never());
  await over;
  expect((await send(fetch, post(far.url), never())).status).toBe(200);
  expect(far.counts()).toEqual([2, 2]);
  far.stop();
});

test("of a request whose connection closes just then nobody knows, and it is not sent again", async () => {
  const far = await connections((request, socket) => void (request === 1 ? socket.write(yes) : socket.destroy()));
  await send(fetch, post(far.url), never());
  const error = await failure(send(fetch, post(far.url), never()), "a connection that closes");
  expect([error.kind, error.effect, error.code]).toEqual(["unreachable", "unknown", "ECONNRESET"]);
  expect(far.counts()).toEqual([1, 2]);
  far.stop();
});

test("what was never sent had no effect: no connection, an address that is not public, no such name", async () => {
  const dead = await failure(send(fetch, post(await deadUrl()), never()), "a dead address");
  expect([dead.kind, dead.effect]).toEqual(["unreachable", "none"]);
  const far = await startFault("mute");
  const closed = guardedFetch(createGuard({ clock: systemClock(), allowed: [] }));
  const private_ = await failure(send(closed, post(far.url), never()), "a private address");
  expect(private_.message).toBe("refused (address, code not_public), effect none");
  expect(far.arrived).toBe(0);
  await far.stop();
  const failing = (code: string) =>
    guardedFetch(
      createGuard({
        clock: systemClock(),
        allowed: [],
        resolve: async () => {
          throw Object.assign(new Error("no"), { code });
        },
      }),
    );
  const nameless = await failure(send(failing("ENOTFOUND"), post("http://nowhere.example/"), never()), "no name");
  expect([nameless.kind, nameless.effect, nameless.cause]).toEqual(["unreachable", "none", "address"]);
  const unresolved = await failure(send(failing("EAI_AGAIN"), post("http://some.example/"), never()), "no resolver");
  expect([unresolved.kind, unresolved.effect]).toEqual(["unreachable", "none"]);
});

test("a redirect is an answer, and is not followed", async () => {
  const far = await startFault("redirect");
  expect((await send(fetch, post(far.url), never())).status).toBe(307);
  expect(far.arrived).toBe(1);
  await far.stop();
});

test("a long body comes as it is read, and whoever stops reading ends it", async () => {
  const chunk = Buffer.alloc(64 * 1024, 7);
  let closed = (): void => {};
  const ended = new Promise<void>((resolve) => {
    closed = resolve;
  });
  let written = 0;
  const far = await serve((_request, response) => {
    response.on("close", () => closed());
    const more = (): void => {
      while (response.write(chunk)) written += chunk.length;
      response.once("drain", more);
    };
    more();
  });
  const { body } = await open(fetch, { method: "GET", url: far.url }, never());
  const reader = body.getReader();
  let size = 0;
  while (size < 1024 * 1024) size += (await reader.read()).value?.length ?? 0;
  // It waits for its reader: what has left is a small multiple of what was read.
  expect(written).toBeLessThan(64 * 1024 * 1024);
  await reader.cancel();
  await ended;
  far.stop();
});

test("an abort ends a body under way", async () => {
  const far = await startFault("stuckBody");
  const stop = new AbortController();
  const { body } = await open(fetch, { method: "GET", url: far.url }, stop.signal);
  const reading = new Response(body).bytes();
  stop.abort();
  expect((await failure(reading, "an aborted body")).kind).toBe("timeout");
  await far.stop();
});
