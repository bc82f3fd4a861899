import { expect, test } from "bun:test";
import type { CallEvent, PlacedCall } from "../../channels/contract.ts";
import { e9 } from "../../channels/e9/index.ts";
import { recordingAuth, sign } from "../../channels/e9/sign.ts";
import { loadChannel } from "../../channels/registry.ts";
import { failure } from "./checks/check.ts";
import { isOver } from "./checks/news.ts";
import { testChannel } from "./conformance.ts";
import { accountSid, appId, authToken, fixtureBytes, startE9Harness } from "./e9-harness.ts";
import { phone } from "./harness.ts";
import { brief, channelOf, type Line, never, read, withLine } from "./line.ts";

const harness = await startE9Harness();
const channel = channelOf(harness);
const { far } = harness;
const unsigned =
  "pushes carry no signature and no secret: the address's token, checked before, is all that proves them";

testChannel("e9", harness, {
  deviations: {
    "webhook: a tampered push is refused": unsigned,
    "webhook: an unsigned push is refused": unsigned,
    "webhook: a stale push is refused": "pushes carry no time that is signed",
  },
});

const bytes = (text: string) => new TextEncoder().encode(text);
const hangup = new TextDecoder().decode(fixtureBytes("hangup-answered.xml"));
const end = (events: CallEvent[]) => events.find((event) => event.kind === "ended");

test("the fact sheet's vectors: signature, authorization and the recording's key", () => {
  const credentials = { accountSid, authToken };
  expect(sign(credentials, new Date("2016-03-16T06:20:30Z"))).toEqual({
    sig: "D6585D4E3FD031456698E41777542BB4",
    authorization: "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY6MjAxNjAzMTYxNDIwMzA=",
  });
  expect(recordingAuth(credentials)).toBe("D47671F6EF3B3EAAAC57C57163A238A7");
});

test("the definition, and the registry's", async () => {
  expect((await loadChannel("e9")) as unknown).toBe(e9);
  const parsed = e9.config.parse({ accountSid, authToken, appId });
  expect(parsed).toMatchObject({ baseUrl: "https://api.33e9cloud.com", callbackPath: "callBack" });
  expect(e9.accountKey(parsed)).toBe(`${accountSid}/${appId}`);
  expect(e9.quota(parsed).followPerMinute).toBeLessThan(10);
  expect(channel.find).toBeUndefined();
  expect(channel.poll).toBeUndefined();
});

test("what leaves for the provider: national numbers, shown numbers, our id and attempt, seconds", async () => {
  const seen: unknown[] = [];
  const fetch = async (request: Request) => {
    seen.push(await request.json(), request.headers.get("accept"), new URL(request.url).pathname);
    return Response.json({ resp: { statusCode: "000000", callId: "a".repeat(32) } });
  };
  const spied = channelOf(harness, { fetch });
  const order = { ...harness.scripted({}, { record: true }), maxDurationSeconds: 99_999, attempt: 2 };
  await spied.place({ ...order, displayNumber: phone("+8675512345678") }, never());
  expect(seen.slice(0, 3)).toEqual([
    {
      callback: {
        appId,
        from: order.agent.phone?.national(),
        to: order.customer.national(),
        fromSerNum: ["75512345678"],
        toSerNum: ["75512345678"],
        needRecord: 1,
        userData: `${order.callId}.2`,
        maxCallTime: 28_800,
      },
    },
    "application/json",
    `/2016-01-01/Accounts/${accountSid}/Calls/callBack`,
  ]);
  await spied.place({ ...order, privacy: false }, never());
  expect(seen[3]).not.toHaveProperty("callback.fromSerNum");
  expect(seen[3]).toHaveProperty("callback.toSerNum");
  await spied.place({ ...order, privacy: false, displayNumber: null }, never());
  expect(seen[6]).not.toHaveProperty("callback.toSerNum");
});

test("what cannot be asked of the provider is refused before anything leaves", async () => {
  const before = { ...far.requests };
  const order = harness.scripted({});
  const refusal = async (change: object) =>
    (await failure(channel.place({ ...order, ...change }, never()), "place")).message;
  expect(await refusal({ agent: { phone: null, seat: "1" } })).toBe("refused (agent), effect none");
  expect(await refusal({ displayNumber: null, privacy: true })).toBe("refused (shown-number), effect none");
  // Without its country code this would read as a mobile in China.
  expect(await refusal({ customer: phone("+12025550123") })).toBe("refused (region), effect none");
  expect(await refusal({ agent: { phone: phone("+12025550123"), seat: null } })).toBe("refused (agent), effect none");
  expect(far.requests).toEqual(before);
});

test("the other spelling of the callback path", async () => {
  const other = await startE9Harness({ callbackPath: "callback" });
  const spelled = channelOf(other, {}, { ...other.config, callbackPath: "callback" });
  expect((await spelled.place(other.scripted({}), never())).providerCallId).toHaveLength(32);
  const wrong = await failure(channelOf(other).place(other.scripted({}), never()), "a wrong path");
  expect(wrong.message).toBe("garbled (server, code http-404), effect unknown");
  await other.far.stop();
});

test.each([
  ["900000", "garbled (server, code 900000), effect unknown"],
  ["900001", "refused (server, code 900001), effect none"],
  ["900097", "refused (server, code 900097), effect none"],
  ["900098", "refused (parameter, code 900098), effect none"],
  ["900099", "refused (unsupported, code 900099), effect none"],
  ["900100", "unauthorized (credentials, code 900100), effect none"],
  ["900109", "unauthorized (credentials, code 900109), effect none"],
  ["900111", "unauthorized (credentials, code 900111), effect none"],
  ["900112", "refused (instance, code 900112), effect none"],
  ["900115", "refused (instance, code 900115), effect none"],
  ["900116", "refused (instance, code 900116), effect none"],
  ["900117", "refused (balance, code 900117), effect none"],
  ["900122", "refused (instance, code 900122), effect none"],
  ["900123", "limited (other, code 900123), effect none"],
  ["900200", "refused (agent, code 900200), effect none"],
  ["900203", "refused (number, code 900203), effect none"],
  ["900204", "refused (shown-number, code 900204), effect none"],
  ["900207", "refused (shown-number, code 900207), effect none"],
  ["900210", "refused (parameter, code 900210), effect none"],
  ["900216", "refused (parameter, code 900216), effect none"],
  ["900219", "refused (not-found, code 900219), effect none"],
  ["900220", "refused (agent, code 900220), effect none"],
  ["900221", "compliance (blacklist, code 900221), effect none"],
  ["900223", "refused (shown-number, code 900223), effect none"],
  ["900224", "limited (rate, code 900224), effect none"],
  ["900301", "refused (instance, code 900301), effect none"],
  ["900420", "refused (unsupported, code 900420), effect none"],
  ["912345", "refused (other, code 912345), effect none"],
])("the code %s reads: %s", async (statusCode, message) => {
  const order = harness.scripted({ answer: "refused", statusCode });
  expect((await failure(channel.place(order, never()), "a refusal")).message).toBe(message);
});

test.each([
  ["a code of another form", { resp: { statusCode: "0000", callId: "a".repeat(32) } }],
  ["no code", { resp: { callId: "a".repeat(32) } }],
  ["a yes without an id", { resp: { statusCode: "000000", callId: "" } }],
])("%s is no yes, and no no", async (_, answer) => {
  const fetch = async () => Response.json(answer);
  const placed = channelOf(harness, { fetch }).place(harness.scripted({}), never());
  expect((await failure(placed, "place")).effect).toBe("unknown");
});

test("a wish that was not granted is no refusal", async () => {
  const order = harness.scripted({ subStatusCode: "900206" });
  expect((await channel.place(order, never())).providerCallId).toHaveLength(32);
});

test("the reply is the documented one; a push of another app is refused, one that names no app is taken", async () => {
  const push = (text: string) =>
    channel.webhook?.({ method: "POST", kind: "", query: {}, headers: {}, body: bytes(text) }, never());
  expect(await push(hangup)).toEqual({
    deliveries: [{ kind: "Hangup", body: bytes(hangup) }],
    reply: {
      status: 200,
      contentType: "application/xml",
      body: [
        "<?xml version='1.0' encoding='utf-8'?>",
        "<Response><statusCode>0000</statusCode><statusMsg>Success</statusMsg></Response>",
      ].join(""),
    },
  });
  const foreign = push(hangup.replace(appId, "f".repeat(32))) ?? Promise.resolve();
  expect((await failure(foreign, "a foreign push")).kind).toBe("unauthorized");
  const nameless = hangup.replace(/<appId>.*<\/appId>/, "");
  expect((await push(nameless))?.deliveries[0]?.kind).toBe("Hangup");
});

async function placeOn(line: Line, order: ReturnType<typeof harness.scripted>): Promise<PlacedCall> {
  return { callId: order.callId, attempt: 1, ...(await line.place(order)), sentAt: new Date() };
}

test("a B who declines looks busy: the provider has no other word", () =>
  withLine(harness, async (line) => {
    const order = line.order("answered");
    far.script(order.customer.reveal(), { ending: "b-declined", notifyUrl: order.notifyUrl });
    const events = await line.newsOf(order, await line.place(order), isOver);
    expect(end(events)).toMatchObject({ closeType: 4, cause: "USER_BUSY" });
  }));

test("half the news lost, doubled and disordered: the end still tells who answered, and when", () =>
  withLine(harness, async (line) => {
    const order = line.order("jumbled");
    const placed = await line.place(order);
    const events = await line.newsOf(order, placed, isOver);
    const words = line.deliveries.map(({ kind }) => kind);
    expect(words).not.toContain("CallEstablish");
    expect(
      line.deliveries.map(({ body }) => new TextDecoder().decode(body).match(/userFlag>(.)/)?.[1]).slice(0, 4),
    ).toEqual(["1", "1", "0", "0"]);
    const b = events.find((event) => event.kind === "answered" && event.leg === "b");
    expect(b?.authority).toBe(4);
    expect(b?.at?.getMilliseconds()).toBe(0);
  }));

test("a lost end can be asked for once it is filed; a running call has no record", () =>
  withLine(harness, async (line) => {
    const order = line.order("answered");
    far.script(order.customer.reveal(), { notifyUrl: order.notifyUrl, losesFinal: true, recordAfterMs: 150 });
    const call = await placeOn(line, order);
    const ask = async () => (await channel.follow?.([call], never()))?.[0];
    expect(await ask()).toMatchObject({ error: { kind: "refused", cause: "not-found", code: "900217" } });
    while (far.calls.find(({ callId }) => callId === call.providerCallId)?.endTime == null) await Bun.sleep(10);
    expect(await ask()).toMatchObject({ error: { code: "900217" } });
    await Bun.sleep(160);
    const answer = await ask();
    expect(answer).toMatchObject({ callId: order.callId, attempt: 1, delivery: { kind: "record" } });
    if (answer === undefined || !("delivery" in answer)) throw new Error("no record");
    const events = read(channel, answer.delivery);
    expect(events.map(brief)).toEqual(["answered a @4", "answered b @4", "ended 0 NORMAL_CLEARING @4", "cdr @4"]);
    expect(events[0]?.ref).toEqual({ callId: order.callId, attempt: 1, providerCallId: call.providerCallId });
  }));

test("an empty record is none, and an answer of another form is an error for its call alone", async () => {
  const sent = { callId: "call_20261121_0000000000000001", attempt: 1, providerJobId: null, sentAt: new Date() };
  const answers = [{}, { callNotify: {} }, { callNotify: null }, { callNotify: { byeType: "0" } }, { callNotify: "x" }];
  const fetch = async () => Response.json({ resp: { statusCode: "000000", ...answers.shift() } });
  const calls = answers.map((_, n) => ({ ...sent, providerCallId: String(n) }));
  const followed = (await channelOf(harness, { fetch }).follow?.(calls, never())) ?? [];
  const outcome = followed.map((one) => ("error" in one ? one.error.code : one.delivery.kind));
  expect(outcome).toEqual(["no-record", "no-record", "no-record", "record", "form"]);
});

test("more than nine queries a minute are refused as a limit; a probe is none of them", async () => {
  const slow = await startE9Harness({ recordsPerMinute: 9 });
  const limited = channelOf(slow);
  const call = { callId: "call_20261121_0000000000000001", attempt: 1, providerCallId: "x", providerJobId: null };
  const asked = Array.from({ length: 10 }, () => ({ ...call, sentAt: new Date() }));
  const answers = (await limited.follow?.(asked, never())) ?? [];
  const causes = answers.map((one) => ("error" in one ? `${one.error.kind} ${one.error.cause}` : "answered"));
  expect(causes).toEqual([...Array.from({ length: 9 }, () => "refused not-found"), "limited rate"]);
  await limited.probe(never());
  await slow.far.stop();
});

test("a recording is fetched from the provider's hosts only, with the key of the account", async () => {
  const asked: string[] = [];
  const fetch = async (request: Request) => {
    asked.push(request.url);
    return new Response("sound", { headers: { "content-type": "audio/mpeg" } });
  };
  const spied = channelOf(harness, { fetch });
  await spied.openRecording?.("http://record.33e9cloud.com/a.mp3", never());
  await spied.openRecording?.("https://33e9cloud.com/a.mp3?x=1", never());
  const key = "auth=D47671F6EF3B3EAAAC57C57163A238A7";
  expect(asked).toEqual([`http://record.33e9cloud.com/a.mp3?${key}`, `https://33e9cloud.com/a.mp3?x=1&${key}`]);
  const strangers = ["http://evil.example/a.mp3", "http://evil33e9cloud.com/", "http://33e9cloud.com.evil.example/"];
  for (const ref of [...strangers, "file:///etc/passwd", "http://33e9cloud.com@evil.example/", "x"]) {
    const refused = await failure(spied.openRecording?.(ref, never()) ?? Promise.resolve(), ref);
    expect(refused.code).toBe("recording-host");
  }
  expect(asked).toHaveLength(2);
  const page = channelOf(harness, { fetch: async () => Response.json({ statusCode: "900111" }) });
  const opened = page.openRecording?.("http://33e9cloud.com/a.mp3", never()) ?? Promise.resolve();
  expect((await failure(opened, "an error page")).kind).toBe("garbled");
});

test("the far side keeps recordings from whoever lacks the key", () =>
  withLine(harness, async (line) => {
    const order = line.order("answered", { record: true });
    const events = await line.newsOf(order, await line.place(order), isOver);
    const recording = events.find((event) => event.kind === "recording");
    if (recording?.kind !== "recording") throw new Error("no recording");
    expect((await fetch(recording.recordingRef)).status).toBe(401);
    const wrong = channelOf(harness, {}, { ...harness.config, authToken: "another-token" });
    const opened = wrong.openRecording?.(recording.recordingRef, never()) ?? Promise.resolve();
    expect((await failure(opened, "a wrong key")).kind).toBe("unauthorized");
  }));
