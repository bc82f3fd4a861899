/** Lines and providers name addresses: the service reaches public ones, and what its operator allows. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { ChannelError } from "../../channels/contract.ts";
import { examples } from "../../channels/custom/far/examples.ts";
import { channelNames, loadChannel } from "../../channels/registry.ts";
import { readNetwork } from "../../src/guard/addresses.ts";
import { createService } from "../../src/service.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { virtualTime } from "../time.ts";
import { attemptsOf, endOf } from "./variant.ts";

const secret = "secret-of-the-outside";
const sid = "a".repeat(32);
/** What a line of each needs beside its addresses. */
const configs: Record<string, Json> = {
  aliyun: { accessKeyId: "key-of-the-outside", accessKeySecret: secret, instanceId: "outside" },
  custom: { ...examples.json, account: "outside", secret },
  e9: { accountSid: sid, authToken: secret, appId: sid },
  fake: { accountId: "outside", secret },
  hollycrm: { confirmed: true, account: "N00000000000", appId: "outside", secret },
  hw: { appKey: "outside", appSecret: secret },
  hwvoice: { appKey: "outside", appSecret: secret, displayNumber: "+8675500001111" },
  jy: { ...examples.jy, account: "outside", secret },
  qimoor: { accountId: "N00000000000", apiSecret: secret },
  ronglian: { accountSid: sid, authToken: secret, appId: sid },
  tencent: { secretId: "key", secretKey: secret, sdkAppId: 1_400_000_000 },
  tianrun: { flavor: "cticloud", enterpriseId: "7000000", token: secret },
};
/** Fields that are no single address, and the one that is all there is. */
const notAddresses = ["domain", "recordingHost", "token", "recording"];

let on: TestService;
/** Whoever connects, on every address of this machine. */
let inside: Server;
let connections = 0;
let port = 0;
beforeAll(async () => {
  // Customers of real channels are called by day only.
  const clock = virtualTime(new Date("2026-11-21T02:00:00.000Z"));
  on = await startTestService({ clock, allowNetworks: [] });
  on.secrets.push(secret);
  inside = createServer((socket) => {
    connections += 1;
    socket.on("error", () => socket.destroy());
    socket.end("HTTP/1.1 200 OK\r\ncontent-type: audio/wav\r\ncontent-length: 2\r\n\r\n{}");
  });
  await new Promise<void>((done) => inside.listen(0, done));
  const address = inside.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
}, startTimeoutMs);
afterAll(async () => {
  await on.stop();
  inside.close();
}, startTimeoutMs);

const hosts = ["127.0.0.1", "127.0.0.2", "[::1]", "localhost", "10.0.0.1", "192.168.1.1", "169.254.169.254"];

async function lineOf(provider: string, host: string): Promise<Json> {
  const definition = await loadChannel(provider);
  const fields = definition?.addressFields.filter((name) => !notAddresses.includes(name)) ?? [];
  expect(fields.length).toBeGreaterThan(0);
  const addresses = Object.fromEntries(fields.map((name) => [name, `http://${host}:${port}`]));
  const providerConfig = { ...configs[provider], ...addresses };
  return { name: provider, providerType: provider, callerNumber: "95551", providerConfig };
}

describe("a base address that is not public is refused, in words that say what to do, and not a packet leaves", () => {
  test("on every channel there is", () => {
    expect(Object.keys(configs)).toEqual(channelNames.toSorted());
  });

  for (const provider of Object.keys(configs)) {
    test(provider, async () => {
      for (const host of hosts) {
        const body = await lineOf(provider, host);
        const unsaved = await on.ask("POST", "/api/v1/calls/lines/test", { body });
        const made = await on.ask("POST", "/api/v1/calls/lines", { body: { ...body, status: "inactive" } });
        expect([host, made.status, made.text.slice(0, made.status === 201 ? 0 : 400)]).toEqual([host, 201, ""]);
        const saved = await on.ask("POST", `/api/v1/calls/lines/${made.body.id}/test`);
        for (const tried of [unsaved, saved]) {
          expect([host, tried.status, tried.body.success]).toEqual([host, 200, false]);
          expect(tried.body.message).toMatch(
            /不是公网地址.*HUALU_ALLOW_NETWORKS.*not a public address.*HUALU_ALLOW_NETWORKS/,
          );
        }
      }
      expect(connections).toBe(0);
    });
  }

  test("and a call over such a line fails as a definite no", async () => {
    const made = await on.ask("POST", "/api/v1/calls/lines", { body: await lineOf("custom", "127.0.0.1") });
    const dialed = await on.dial({ customerPhone: customer(0), agent: "13800001234", lineId: made.body.id });
    const { callId } = dialed.body;
    expect([dialed.status, dialed.body.code]).toEqual([503, "no_line_left"]);
    const { body: record } = await on.ask("GET", `/api/v1/calls/${callId}`);
    expect(endOf(record)).toEqual(["failed", 6, "NETWORK_ERROR"]);
    expect(await attemptsOf(on, callId)).toMatchObject([{ outcome: "refused", errorCode: "not_public" }]);
    expect(connections).toBe(0);
  });
});

test("a description that is wrong is told by its field when the line is made", async () => {
  const body = await lineOf("custom", "127.0.0.1");
  const place = { ...body.providerConfig.place, callId: "/nowhere" };
  const made = await on.ask("POST", "/api/v1/calls/lines", {
    body: { ...body, providerConfig: { ...body.providerConfig, place } },
  });
  expect([made.status, made.body.errors.map(({ field }: { field: string }) => field)]).toEqual([
    422,
    ["providerConfig.place.callId"],
  ]);
});

test("of this machine only the demo's own far side is reached, and no line moves there with its secret", async () => {
  const demo = await startTestService({ demo: true, allowNetworks: [] });
  const { lines } = (await demo.ask("GET", "/api/v1/calls/lines")).body;
  for (const { id } of lines) {
    expect((await demo.ask("POST", `/api/v1/calls/lines/${id}/test`)).body).toMatchObject({ success: true });
  }
  const [{ id, providerConfig }] = lines;
  const moved = { baseUrl: `http://127.0.0.1:${port}` };
  const change = (config: Json) => demo.ask("PUT", `/api/v1/calls/lines/${id}`, { body: { providerConfig: config } });
  const kept = await change(moved);
  expect([kept.status, kept.body.errors]).toEqual([422, [expect.objectContaining({ field: "providerConfig.secret" })]]);
  expect((await change({ ...moved, secret })).status).toBe(200);
  const tried = await demo.ask("POST", `/api/v1/calls/lines/${id}/test`);
  expect(tried.body.message).toContain("HUALU_ALLOW_NETWORKS");
  expect(new URL(providerConfig.baseUrl).hostname).toBe("127.0.0.1");
  expect(connections).toBe(0);
  await demo.stop();
});

test("an instance that starts beside another reaches the demo's far side that the other one runs", async () => {
  const first = await startTestService({ demo: true, allowNetworks: [] });
  const { db: _, ...shared } = first.service.calls;
  const db = await first.database.reopen();
  const options = { host: "127.0.0.1", port: 0, publicUrl: null, adminKey: first.key };
  const second = createService({ ...shared, ...options, db });
  const { url } = await second.start();
  const headers = { authorization: `Bearer ${first.key}` };
  const { lines } = (await first.ask("GET", "/api/v1/calls/lines")).body;
  for (const { id } of lines) {
    const tried = await fetch(`${url}/api/v1/calls/lines/${id}/test`, { method: "POST", headers });
    expect(await tried.json()).toMatchObject({ success: true });
  }
  await second.stop();
  await db.close();
  await first.stop();
});

/** The provider itself may be reached, at 127.0.0.1; where it says that sounds lie may not. */
describe("a recording that a provider's word leads inside is not fetched", () => {
  let allowing: TestService;
  let provider: ReturnType<typeof Bun.serve>;
  let elsewhere = "";
  beforeAll(async () => {
    allowing = await startTestService({ allowNetworks: [readNetwork("127.0.0.1")] });
    allowing.secrets.push(secret);
    provider = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch(request) {
        const { pathname } = new URL(request.url);
        if (/record\/v1/.test(pathname)) return new Response(null, { status: 301, headers: { location: elsewhere } });
        return Response.json({
          ...{ Code: "OK", HttpStatusCode: 200, Data: { FileUrl: elsewhere } },
          ...{ Response: { RecordURL: elsewhere, RequestId: "1" } },
          ...{ result: 0, data: elsewhere, recordFileUrl: elsewhere },
        });
      },
    });
  }, startTimeoutMs);
  afterAll(async () => {
    await allowing.stop();
    await provider.stop(true);
  }, startTimeoutMs);

  const inner = (host: string) => `http://${host}:${port}/sound.wav`;
  /** What names the sound: a reference that the provider is asked about, or the address itself. */
  const references: Record<string, { ref: string | null; more?: Json }> = {
    aliyun: { ref: "job-1" },
    custom: { ref: null, more: { recording: { hosts: ["127.0.0.2"] } } },
    e9: { ref: null, more: { recordingHost: "127.0.0.2" } },
    hwvoice: { ref: "fileName=1.wav&recordDomain=sound" },
    qimoor: { ref: null, more: { recordingHosts: "127.0.0.2" } },
    ronglian: { ref: null, more: { recordingHosts: "127.0.0.2" } },
    tencent: { ref: "6bb56a09278740bc80c5dc6dab783eff@1795255200" },
    tianrun: { ref: "sound-1" },
  };
  for (const [name, { ref, more = {} }] of Object.entries(references)) {
    test(name, async () => {
      elsewhere = inner("127.0.0.2");
      const providerConfig = { ...configs[name], ...more, baseUrl: provider.url.origin };
      const body = { name, providerType: name, providerConfig };
      const made = await allowing.ask("POST", "/api/v1/calls/lines", { body });
      expect(made.status).toBe(201);
      const { directory } = allowing.service.calls;
      const line = await directory.line("default", made.body.id);
      if (line === null) throw new Error("no line");
      const opening = directory.channelOf(line).openRecording?.(ref ?? elsewhere, AbortSignal.timeout(5_000));
      const error = await opening?.catch((thrown) => thrown);
      if (!(error instanceof ChannelError)) throw new Error("it was opened");
      expect([error.kind, error.cause, error.code]).toEqual(["refused", "address", "not_public"]);
      expect(connections).toBe(0);
    });
  }
});
