import { describe, expect, test } from "bun:test";
import assert from "node:assert/strict";
import { ChannelError } from "../../channels/contract.ts";
import { answerBytesMax, open, send } from "../../channels/kit/http.ts";
import { deadUrl, type FaultName, startFault } from "./faults.ts";

const plainFetch = (request: Request) => fetch(request);
const never = () => new AbortController().signal;

async function errorOf(promise: Promise<unknown>): Promise<ChannelError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert(error instanceof ChannelError, String(error));
  return error;
}

const post = (url: string) => ({ method: "POST", url, body: "{}", deadlineMs: 150 });
const shape = ({ kind, effect, cause, code }: ChannelError) => ({ kind, effect, cause, code });

describe("what each failure proves", () => {
  const unreachable = { kind: "unreachable", effect: "unknown", cause: "network", code: "ECONNRESET" };
  const garbled = { kind: "garbled", effect: "unknown", cause: "server" };
  const expected: [FaultName, object][] = [
    ["reset", unreachable],
    ["closed", unreachable],
    ["cutShort", unreachable],
    ["garbage", { ...garbled, code: "Malformed_HTTP_Response" }],
    ["notGzip", { ...garbled, code: "ZlibError" }],
    ["tooLarge", { ...garbled, code: "too-large" }],
    ["mute", { kind: "timeout", effect: "unknown", cause: "network", code: null }],
    ["stuckBody", { kind: "timeout", effect: "unknown", cause: "network", code: null }],
  ];
  for (const [name, want] of expected) {
    test(name, async () => {
      const fault = await startFault(name);
      const error = await errorOf(send(plainFetch, post(fault.url), never()));
      expect(shape(error)).toMatchObject(want);
      expect(fault.arrived).toBe(1);
      await fault.stop();
    });
  }

  test("a refused connection and an unknown name prove that nothing left", async () => {
    const refused = await errorOf(send(plainFetch, post(await deadUrl()), never()));
    expect(shape(refused)).toEqual({ kind: "unreachable", effect: "none", cause: "network", code: "ECONNREFUSED" });
    const unknown = await errorOf(send(plainFetch, post("http://no-such-host.invalid/"), never()));
    expect(shape(unknown)).toEqual({ kind: "unreachable", effect: "none", cause: "network", code: "ENOTFOUND" });
  });

  test("TLS spoken to a server that speaks none", async () => {
    const fault = await startFault("mute");
    const error = await errorOf(send(plainFetch, post(fault.url.replace("http:", "https:")), never()));
    expect(error.effect).toBe("unknown");
    await fault.stop();
  });

  test("a connection kept alive that breaks on its second request is not used for a hidden repetition", async () => {
    let requests = 0;
    const server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket) {
          requests += 1;
          if (requests === 1) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
          else socket.terminate();
        },
      },
    });
    const url = `http://127.0.0.1:${server.port}/`;
    expect((await send(plainFetch, post(url), never())).status).toBe(200);
    expect((await errorOf(send(plainFetch, post(url), never()))).effect).toBe("unknown");
    expect(requests).toBe(2);
    server.stop(true);
  });

  test("an abort is a timeout, before sending without effect", async () => {
    const fault = await startFault("mute");
    const controller = new AbortController();
    void fault.first.then(() => controller.abort());
    const outgoing = { method: "POST", url: fault.url };
    expect(shape(await errorOf(send(plainFetch, outgoing, controller.signal)))).toMatchObject({
      kind: "timeout",
      effect: "unknown",
    });
    expect(shape(await errorOf(send(plainFetch, outgoing, controller.signal)))).toMatchObject({
      kind: "timeout",
      effect: "none",
    });
    expect(fault.arrived).toBe(1);
    await fault.stop();
  });

  test("what cannot be made a request is refused without repeating it", async () => {
    const headers = { "x-secret": "hush\nhush" };
    const error = await errorOf(send(plainFetch, { method: "GET", url: "http://127.0.0.1/", headers }, never()));
    expect(shape(error)).toEqual({ kind: "refused", effect: "none", cause: "parameter", code: "unsendable" });
    expect(JSON.stringify(error) + error.stack).not.toContain("hush");
    expect((await errorOf(send(plainFetch, { method: "GET", url: "not a url" }, never()))).effect).toBe("none");
  });

  test("an error of a guarded fetch passes unchanged", async () => {
    const guard = new ChannelError({ kind: "refused", effect: "none", cause: "unsupported" });
    const guarded = () => Promise.reject(guard);
    expect(await errorOf(send(guarded, post("http://127.0.0.1/"), never()))).toBe(guard);
  });
});

describe("answers", () => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === "/largest") return new Response(new Uint8Array(answerBytesMax));
      if (pathname === "/teapot") return new Response("short", { status: 418 });
      if (pathname === "/away") return Response.redirect("/teapot", 307);
      return new Response(`${request.method} ${await request.text()}`, { headers: { "x-got": "yes" } });
    },
  });
  const at = (path: string) => `http://127.0.0.1:${server.port}${path}`;

  test("bytes, headers and status come back, whatever the status", async () => {
    const outgoing = { method: "POST", url: at("/echo"), body: new TextEncoder().encode("你好") };
    const answer = await send(plainFetch, outgoing, never());
    expect(answer.text()).toBe("POST 你好");
    expect(answer.headers.get("x-got")).toBe("yes");
    expect((await send(plainFetch, { method: "GET", url: at("/teapot") }, never())).status).toBe(418);
    expect((await send(plainFetch, { method: "GET", url: at("/largest") }, never())).body.length).toBe(answerBytesMax);
  });

  test("a redirect is an answer like any other", async () => {
    expect((await send(plainFetch, post(at("/away")), never())).status).toBe(307);
  });

  test("an opened answer streams past the limit of a read one, and its abort is a timeout", async () => {
    const opened = await open(plainFetch, { method: "GET", url: at("/largest") }, never());
    expect((await new Response(opened.body).bytes()).length).toBe(answerBytesMax);
    const fault = await startFault("stuckBody");
    const controller = new AbortController();
    const stuck = await open(plainFetch, { method: "GET", url: fault.url, deadlineMs: 500 }, controller.signal);
    const reading = errorOf(new Response(stuck.body).bytes());
    controller.abort();
    expect((await reading).kind).toBe("timeout");
    await fault.stop();
  });
});
