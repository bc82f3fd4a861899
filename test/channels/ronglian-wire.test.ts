/** What 容联云通讯 is asked, what its codes mean, and what its far side refuses. */
import { describe, expect, test } from "bun:test";
import { signSid } from "../../channels/kit/sid-sign.ts";
import { loadChannel } from "../../channels/registry.ts";
import { ronglian } from "../../channels/ronglian/index.ts";
import { failure } from "./checks/check.ts";
import { phone } from "./harness.ts";
import { channelOf, never } from "./line.ts";
import {
  accountSid,
  appId,
  authToken,
  mainAccountSid,
  mainAuthToken,
  startRonglianHarness,
} from "./ronglian-harness.ts";

const harness = await startRonglianHarness();
const channel = channelOf(harness);
const { far } = harness;
const main = { mainAccountSid, mainAuthToken };

test("the fact sheet's vector: signature and authorization over one Beijing time", () => {
  expect(signSid({ sid: accountSid, token: authToken }, new Date("2016-06-14T07:20:30Z"))).toEqual({
    sig: "EB580A65591761AF6669D7D5BF56DACF",
    authorization: "OGE0OGI1NTE0ZjQ5MDc5ZTAxNGY0ZjNhMDAwMDAwMDE6MjAxNjA2MTQxNTIwMzA=",
  });
});

test("the definition, and the registry's", async () => {
  expect((await loadChannel("ronglian")) as unknown).toBe(ronglian);
  const parsed = ronglian.config.parse({ accountSid, authToken, appId });
  expect(parsed).toMatchObject({ baseUrl: "https://app.cloopen.com:8883", accountLevel: "SubAccounts" });
  expect(ronglian.accountKey(parsed)).toBe(`${accountSid}/${appId}`);
  expect(ronglian.legacyPaths).toEqual(["", "CallAuth", "CallEstablish", "Hangup"]);
  expect([channel.find, channel.follow, channel.poll]).toEqual([undefined, undefined, undefined]);
});

test("half a main account is refused by the name of the missing half", () => {
  for (const missing of ["mainAccountSid", "mainAuthToken"]) {
    const config = { accountSid, authToken, appId, ...main, [missing]: undefined };
    expect(ronglian.config.safeParse(config).error?.issues.map(({ path }) => path)).toEqual([[missing]]);
  }
});

describe("a callback", () => {
  async function sent(change: object, config: object = {}) {
    const seen = { path: "", body: {} as Record<string, unknown> };
    const fetch = async (request: Request) => {
      seen.path = new URL(request.url).pathname;
      seen.body = (await request.json()) as Record<string, unknown>;
      return Response.json({ statusCode: "000000", CallBack: { callSid: "c1", dateCreated: "2014-08-07 11:10:33" } });
    };
    const order = { ...harness.scripted({}, { record: true }), ...change };
    await channelOf(harness, { fetch }, { ...harness.config, ...config }).place(order, never());
    return { order, ...seen };
  }

  test("says everything in strings: national numbers, shown numbers, our id, attempt and wish", async () => {
    const { order, path, body } = await sent({ attempt: 2, maxDurationSeconds: 99.5 });
    expect(path).toBe(`/2013-12-26/SubAccounts/${accountSid}/Calls/Callback`);
    expect(body).toEqual({
      from: order.agent.phone?.national(),
      to: order.customer.national(),
      customerSerNum: "2150001234",
      fromSerNum: "2150001234",
      userData: `${order.callId}.2.r`,
      maxCallTime: "100",
      hangupCdrUrl: order.notifyUrl,
      needBothCdr: "1",
      needRecord: "1",
    });
  });

  test("by the main account it names the app; its path is the config's", async () => {
    const config = { accountLevel: "Accounts", callbackPath: "Calls/CallBack", needBothCdr: false };
    const { path, body } = await sent({ record: false }, config);
    expect(path).toBe(`/2013-12-26/Accounts/${accountSid}/Calls/CallBack`);
    expect(body).toMatchObject({ appId, needBothCdr: "0", needRecord: "0" });
  });

  test("shows the agent the customer only where that is open, and never in a private call", async () => {
    const open = { passThrough: true };
    const { order, body } = await sent({ privacy: false }, open);
    expect(body.fromSerNum).toBe(order.customer.national());
    expect((await sent({ privacy: false })).body).not.toHaveProperty("fromSerNum");
    expect((await sent({ privacy: true }, open)).body.fromSerNum).toBe("2150001234");
    expect((await sent({ privacy: false, displayNumber: null })).body).not.toHaveProperty("customerSerNum");
  });

  test("that cannot be asked for is refused before anything leaves", async () => {
    const before = { ...far.requests };
    const order = harness.scripted({});
    const refusal = async (change: object) =>
      (await failure(channel.place({ ...order, ...change }, never()), "place")).message;
    expect(await refusal({ agent: { phone: null, seat: "1" } })).toBe("refused (agent), effect none");
    expect(await refusal({ displayNumber: null, privacy: true })).toBe("refused (shown-number), effect none");
    // Without its country code this would read as a mobile in China.
    expect(await refusal({ customer: phone("+12025550123") })).toBe("refused (region), effect none");
    expect(far.requests).toEqual(before);
  });
});

test.each([
  ["108035", "compliance (blacklist, code 108035), effect none"],
  ["110007", "refused (balance, code 110007), effect none"],
  ["110018", "unauthorized (credentials, code 110018), effect none"],
  ["110020", "garbled (server, code 110020), effect unknown"],
  ["110059", "limited (rate, code 110059), effect none"],
  ["110061", "garbled (server, code 110061), effect unknown"],
  ["110064", "garbled (server, code 110064), effect unknown"],
  ["110080", "garbled (server, code 110080), effect unknown"],
  ["110094", "garbled (server, code 110094), effect unknown"],
  ["110126", "garbled (server, code 110126), effect unknown"],
  ["110127", "refused (parameter, code 110127), effect none"],
  ["110129", "refused (balance, code 110129), effect none"],
  ["111000", "garbled (server, code 111000), effect unknown"],
  ["111099", "garbled (server, code 111099), effect unknown"],
  ["111100", "unauthorized (credentials, code 111100), effect none"],
  ["111106", "unauthorized (credentials, code 111106), effect none"],
  ["111109", "unauthorized (credentials, code 111109), effect none"],
  ["111110", "refused (unsupported, code 111110), effect none"],
  ["111111", "limited (concurrency, code 111111), effect none"],
  ["111113", "unauthorized (credentials, code 111113), effect none"],
  ["111115", "unauthorized (credentials, code 111115), effect none"],
  ["111128", "unauthorized (credentials, code 111128), effect none"],
  ["111139", "refused (instance, code 111139), effect none"],
  ["111142", "refused (balance, code 111142), effect none"],
  ["111143", "unauthorized (credentials, code 111143), effect none"],
  ["111182", "refused (instance, code 111182), effect none"],
  ["111212", "refused (instance, code 111212), effect none"],
  ["121002", "refused (balance, code 121002), effect none"],
  // Of voice calls no further codes are known: what was done is open.
  ["112001", "refused (other, code 112001), effect unknown"],
  ["160000", "refused (other, code 160000), effect unknown"],
])("the code %s reads: %s", async (statusCode, message) => {
  const order = harness.scripted({ answer: "refused", statusCode });
  expect((await failure(channel.place(order, never()), "a refusal")).message).toBe(message);
});

test.each([
  ["a code of another form", { statusCode: "0000", CallBack: { callSid: "c1" } }],
  ["a code that is a number", { statusCode: 0, CallBack: { callSid: "c1" } }],
  ["no code", { CallBack: { callSid: "c1" } }],
  ["a yes without an id", { statusCode: "000000", CallBack: { callSid: "" } }],
  ["a yes without a call", { statusCode: "000000" }],
])("%s is no yes, and no no", async (_, answer) => {
  const fetch = async () => Response.json(answer);
  const placed = channelOf(harness, { fetch }).place(harness.scripted({}), never());
  expect((await failure(placed, "place")).effect).toBe("unknown");
});

test("a balance below the wanted one fails the probe, and so does a refused cancel of nobody's call", async () => {
  const probed = (more: object) => channelOf(harness, {}, { ...harness.config, ...more }).probe(never());
  await probed({ ...main, minimumBalance: 12.5 });
  const poor = await failure(probed({ ...main, minimumBalance: 12.51 }), "a poor account");
  expect(poor.message).toBe("refused (balance, code minimum-balance), effect none");
  expect((await failure(probed({ appId: "f".repeat(32) }), "another app")).cause).toBe("instance");
  for (const [statusCode, passes] of [
    ["113000", true],
    ["111142", false],
    ["111000", false],
  ] as const) {
    const made = channelOf(harness, { fetch: async () => Response.json({ statusCode }) });
    const passed = await made.probe(never()).then(
      () => true,
      () => false,
    );
    expect([statusCode, passed]).toEqual([statusCode, passes]);
  }
});

test("a recording is fetched from the platform's hosts only; an error page is no sound", async () => {
  const asked: string[] = [];
  const fetch = async (request: Request) => {
    asked.push(request.url);
    return new Response("sound", { headers: { "content-type": "audio/wav" } });
  };
  const spied = channelOf(harness, { fetch }, { ...harness.config, recordingHosts: "cloopen.com,42.121.0.1" });
  const ours = ["http://record.cloopen.com:8888/a.wav?x=1", "http://42.121.0.1/b.wav"];
  for (const ref of ours) await spied.openRecording?.(ref, never());
  const strangers = ["http://evil.example/a", "http://evilcloopen.com/", "http://cloopen.com@evil.example/"];
  for (const ref of [...strangers, "file:///etc/passwd", "ftp://cloopen.com/a", "x"]) {
    const refused = await failure(spied.openRecording?.(ref, never()) ?? Promise.resolve(), ref);
    expect(refused.code).toBe("recording-host");
  }
  expect(asked).toEqual(ours);
  const page = channelOf(harness, { fetch: async () => Response.json({ statusCode: "111109" }) });
  const opened = page.openRecording?.("http://cloopen.com/a.wav", never()) ?? Promise.resolve();
  expect((await failure(opened, "an error page")).kind).toBe("garbled");
});

describe("the far side", () => {
  interface Change {
    version?: string;
    level?: string;
    sid?: string;
    sig?: string;
    token?: string;
    header?: string;
    at?: Date;
    operation?: string;
    body?: object;
  }
  async function codeOf(change: Change = {}): Promise<string> {
    const { version = "2013-12-26", level = "SubAccounts", sid = accountSid, token = authToken } = change;
    const { at = new Date(), operation = "Calls/CallCancel", body = { appId, callSid: "x", type: "0" } } = change;
    const { sig, authorization } = signSid({ sid, token }, at);
    const url = `${far.url}/${version}/${level}/${sid}/${operation}?sig=${change.sig ?? sig}`;
    const headers = { authorization: change.header ?? authorization, "content-type": "application/json" };
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    return ((await answer.json()) as { statusCode: string }).statusCode;
  }
  const hour = 3_600_000;
  const base64 = (plain: string) => Buffer.from(plain).toString("base64");
  const callback = { from: "13800000001", to: "13900000000", userData: "u", maxCallTime: "60", hangupCdrUrl: "" };
  const place = (body: object): Change => ({ operation: "Calls/Callback", body: { ...callback, ...body } });

  test.each<[string, Change]>([
    ["110126", {}],
    ["110126", { at: new Date(Date.now() - 23.9 * hour) }],
    ["111106", { at: new Date(Date.now() - 24.1 * hour) }],
    ["111106", { at: new Date(Date.now() + 24.1 * hour) }],
    ["111109", { token: "wrong-token" }],
    ["111109", { sig: "0".repeat(32) }],
    ["111108", { sig: "" }],
    ["111101", { header: "" }],
    ["111102", { header: base64("no colon") }],
    ["111107", { header: base64("f:20260101000000") }],
    ["111113", { header: base64(`${accountSid}:2026`) }],
    ["111110", { version: "2014-06-30" }],
    ["111100", { sid: "a-b" }],
    ["111141", { sid: "f".repeat(32) }],
    ["111141", { level: "Accounts" }],
    ["111182", { body: { appId: "x", callSid: "x", type: "0" } }],
    ["110127", { body: { appId, callSid: "x", type: "9" } }],
    ["000000", place({})],
    ["000000", place({ to: "4001234560", from: "02150001234" })],
    ["110127", place({ maxCallTime: 60 })],
    ["110127", place({ from: "+8613800000001" })],
    ["110127", place({ needRecord: "2" })],
    ["110127", place({ userData: "u".repeat(65) })],
    ["111182", place({ appId })],
  ])("answers %s to %p", async (code, change) => {
    expect(await codeOf(change)).toBe(code);
  });

  test("takes the main account's calls with the app named, in the main account's place", async () => {
    const asMain = { level: "Accounts", sid: mainAccountSid, token: mainAuthToken };
    expect(await codeOf({ ...asMain, ...place({ appId }) })).toBe("000000");
    expect(await codeOf({ ...asMain, ...place({}) })).toBe("111182");
  });

  test("knows no other path, and runs a call whose answer is garbage, late or never", async () => {
    for (const path of ["/", "/2013-12-26/Accounts", `/2013-12-26/SubAccounts/${accountSid}/`]) {
      expect((await fetch(far.url + path, { method: "POST" })).status).toBe(404);
    }
    for (const answer of ["never", "garbage"] as const) {
      const order = harness.scripted({ answer });
      const placing = channel.place(order, AbortSignal.timeout(150));
      await expect(placing).rejects.toMatchObject({ effect: "unknown" });
      expect(far.calls.some((call) => call.order.to === order.customer.national())).toBe(true);
    }
    const slow = harness.scripted({ answerAfterMs: 20 });
    expect((await channel.place(slow, never())).providerCallId).toHaveLength(32);
  });
});
