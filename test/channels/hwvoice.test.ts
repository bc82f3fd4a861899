import { expect, test } from "bun:test";
import type { CallEvent, PlacedCall } from "../../channels/contract.ts";
import { hwvoice } from "../../channels/hwvoice/index.ts";
import { digestOf, pushMessage, signed, wsseDigest } from "../../channels/hwvoice/sign.ts";
import { loadChannel } from "../../channels/registry.ts";
import { virtualTime } from "../time.ts";
import { failure } from "./checks/check.ts";
import { isOver } from "./checks/news.ts";
import { webhookChecks } from "./checks/webhook.ts";
import { testChannel } from "./conformance.ts";
import { phone } from "./harness.ts";
import { appKey, appSecret, fixtureBytes, startHwvoiceHarness } from "./hwvoice-harness.ts";
import { brief, channelOf, never, read, withLine } from "./line.ts";

const harness = await startHwvoiceHarness({ signature: "aksk-v2" }, { callbackAuth: "aksk-v2" });
const bodyUnsigned = "a push's signature covers its address and time, not its body";
const unsigned = "accounts of before 2022 sign no push: the address's token, checked before, is all that proves them";
testChannel("hwvoice, pushes signed", harness, {
  deviations: { "webhook: a tampered push is refused": bodyUnsigned },
});
testChannel(
  "hwvoice, pushes signed as in 2022, old authentication",
  await startHwvoiceHarness({ signature: "aksk-v1" }, { callbackAuth: "aksk-v1", auth: "wsse" }),
  { deviations: { "webhook: a tampered push is refused": bodyUnsigned } },
);
testChannel("hwvoice, pushes unsigned", await startHwvoiceHarness(), {
  checks: webhookChecks,
  deviations: {
    "webhook: a tampered push is refused": unsigned,
    "webhook: an unsigned push is refused": unsigned,
    "webhook: another secret's push is refused": unsigned,
    "webhook: a stale push is refused": unsigned,
  },
});

const channel = channelOf(harness);
const wish = { notifyUrl: "https://cb.example.com/hook", record: false };
const order = () => {
  const made = harness.order("answered", wish);
  if (made === null) throw new Error("no order");
  return made;
};

test("the fact sheet's vectors: AKSK, WSSE, and both ways in which pushes are signed", () => {
  const [nonce, created, secret] = [
    "66C92B11FF8A425FB8D4CCFE0ED9ED1F",
    "2018-02-12T15:30:20Z",
    "demoAppSecret1234567890",
  ];
  const now = new Date(created);
  const aksk = signed({ appKey, appSecret: secret, auth: "aksk" }, "utc", now, nonce);
  expect(aksk).toEqual({
    authorization: 'AKSK realm="SDP",profile="UsernameToken",type="Appkey"',
    "x-aksk": `UsernameToken Username="${appKey}", PasswordDigest="zGu7vtP2ReOK2ixI7Z1ASmsMDH8xg4HpPkJI+qrVXno=", Nonce="${nonce}", Created="${created}"`,
  });
  expect(wsseDigest(secret, nonce, created)).toBe("/7c5CGYMLm2F7bSwTfeDSdZ3PXw6F4IHTGDDFTk3moM=");
  const address = "https://cb.example.com/hw/status";
  const pushed = (version: "aksk-v1" | "aksk-v2") => digestOf(secret, pushMessage(version, address, nonce, created));
  expect(pushed("aksk-v1")).toBe("s7FMX1t1nqL3bhtZDQPk3HyrRrgYdg8lJKkIwflehZw=");
  expect(pushed("aksk-v2")).toBe("k5unkgp1GbnKK1ToeEb/q8VEdFy244ZbG/AduUwmqlE=");
  const later = signed({ appKey, appSecret: secret, auth: "wsse" }, "utc+8", now, nonce);
  expect(later["x-wsse"]).toContain('Created="2018-02-12T23:30:20Z"');
});

test("the definition, and the registry's", async () => {
  expect((await loadChannel("hwvoice")) as unknown).toBe(hwvoice);
  const parsed = hwvoice.config.parse({ appKey, appSecret });
  expect(parsed).toMatchObject({ auth: "aksk", createdClock: "utc", statusClock: "utc", callbackAuth: "none" });
  expect([channel.find, channel.follow, channel.poll]).toEqual([undefined, undefined, undefined]);
  expect(hwvoice.live(parsed)).toBe("lossy");
});

test("what leaves for the provider: E.164, our numbers shown, words for flags, whole minutes, Base64 addresses", async () => {
  const seen: Record<string, unknown>[] = [];
  const fetch = async (request: Request) => {
    seen.push((await request.json()) as Record<string, unknown>);
    return Response.json({ resultcode: "0", resultdesc: "Success", sessionId: "1_2_3@x" });
  };
  const spied = channelOf(harness, { fetch }, { ...harness.config, displayNumber: "+8675500001111" });
  const first = { ...order(), maxDurationSeconds: 61, attempt: 2, record: true };
  await spied.place(first, never());
  expect(seen[0]).toEqual({
    displayNbr: "+862150001234",
    callerNbr: first.agent.phone?.reveal(),
    displayCalleeNbr: "+862150001234",
    calleeNbr: first.customer.reveal(),
    maxDuration: 2,
    statusUrl: "aHR0cHM6Ly9jYi5leGFtcGxlLmNvbS9ob29r",
    feeUrl: "aHR0cHM6Ly9jYi5leGFtcGxlLmNvbS9ob29r",
    recordFlag: "true",
    userData: expect.stringMatching(new RegExp(`^${first.callId}\\.2\\.[0-9a-f]{8}\\.2$`)),
  });
  await spied.place({ ...first, displayNumber: null, maxDurationSeconds: 99_999 }, never());
  expect(seen[1]).toMatchObject({ displayNbr: "+8675500001111", maxDuration: 1_440 });
  // Ordered there without a country's code.
  await spied.place({ ...first, displayNumber: phone("95551") }, never());
  expect(seen.pop()).toMatchObject({ displayNbr: "95551", displayCalleeNbr: "95551" });
  // Longer than the field may be: the addresses entered on the application are used.
  await spied.place({ ...first, notifyUrl: `https://cb.example.com/${"x".repeat(90)}` }, never());
  expect(seen[2]).not.toHaveProperty("statusUrl");
});

test("what cannot be asked of the provider is refused before anything leaves", async () => {
  const before = { ...harness.far.requests };
  const refusal = async (change: object) =>
    (await failure(channel.place({ ...order(), ...change }, never()), "place")).message;
  expect(await refusal({ agent: { phone: null, seat: "1" } })).toBe("refused (agent), effect none");
  expect(await refusal({ displayNumber: null })).toBe("refused (shown-number), effect none");
  expect(await refusal({ customer: phone("+85221234567") })).toBe("refused (region), effect none");
  expect(await refusal({ customer: phone("95588") })).toBe("refused (region), effect none");
  expect(harness.far.requests).toEqual(before);
});

test.each([
  ["1010001", "garbled (server, code 1010001), effect unknown"],
  ["1010002", "refused (parameter, code 1010002), effect none"],
  ["1010003", "unauthorized (credentials, code 1010003), effect none"],
  ["1010010", "limited (rate, code 1010010), effect none"],
  ["1010013", "unauthorized (credentials, code 1010013), effect none"],
  ["1010023", "refused (shown-number, code 1010023), effect none"],
  ["1010024", "refused (agent, code 1010024), effect none"],
  ["1010029", "refused (balance, code 1010029), effect none"],
  ["1013003", "limited (concurrency, code 1013003), effect none"],
  ["1013115", "refused (other, code 1013115), effect none"],
  ["1020002", "garbled (server, code 1020002), effect unknown"],
  ["1020165", "limited (concurrency, code 1020165), effect none"],
  ["1020166", "unauthorized (instance, code 1020166), effect none"],
  ["1023033", "unauthorized (credentials, code 1023033), effect none"],
])("the code %s reads: %s", async (resultcode, message) => {
  const refused = order();
  harness.far.script(refused.customer.reveal(), { answer: "refused", resultcode });
  expect((await failure(channel.place(refused, never()), "a refusal")).message).toBe(message);
});

test("a yes without a session is no yes, and no no", async () => {
  const fetch = async () => Response.json({ resultcode: "0", resultdesc: "Success", sessionId: "" });
  expect((await failure(channelOf(harness, { fetch }).place(order(), never()), "place")).effect).toBe("unknown");
});

test("an account on the other clock: the probe finds out, and calls go on by it", async () => {
  const eastern = await startHwvoiceHarness({ clockHours: { requests: 8, statuses: 0 } });
  const there = channelOf(eastern);
  const ring = eastern.order("answered", wish);
  if (ring === null) throw new Error("no order");
  expect((await failure(there.place(ring, never()), "place by the wrong clock")).code).toBe("1010013");
  await there.probe(never());
  expect((await there.place(ring, never())).providerCallId).toContain("@callenabler");
  const told = channelOf(eastern, {}, { ...eastern.config, createdClock: "utc+8" });
  expect((await told.place(ring, never())).providerCallId).toContain("@callenabler");
  await eastern.far.stop();
});

test("the far side lets in neither a stale request nor one that was changed on its way", async () => {
  const stale = channelOf(harness, { now: () => new Date(Date.now() - 16 * 60_000) });
  expect((await failure(stale.place(order(), never()), "a stale request")).code).toBe("1010013");
  const changed = (request: Request) => {
    const headers = new Headers(request.headers);
    headers.set("x-aksk", headers.get("x-aksk")?.replace(/Nonce="./, 'Nonce="x') ?? "");
    return fetch(new Request(request, { headers }));
  };
  expect((await failure(channelOf(harness, { fetch: changed }).place(order(), never()), "a changed one")).code).toBe(
    "1023006",
  );
});

test("a status's clock is what the line says; without one, when it reached us", () => {
  const status = { kind: "status", body: fixtureBytes("callout-a") };
  const at = (statusClock: string) =>
    read(channelOf(harness, {}, { ...harness.config, statusClock }), status).map((event) => [
      event.at?.toISOString() ?? null,
      event.authority,
    ])[0];
  expect(at("utc")).toEqual(["2024-05-01T04:00:02.000Z", 3]);
  expect(at("utc+8")).toEqual(["2024-04-30T20:00:02.000Z", 3]);
  expect(at("arrival")).toEqual([null, 1]);
});

test("a fee push of 50 is 50 deliveries; what cannot be split stays whole", async () => {
  const unsignedLine = channelOf(harness, {}, { ...harness.config, callbackAuth: "none" });
  const push = async (text: string) => {
    const request = { method: "POST", kind: "", query: {}, headers: {}, body: new TextEncoder().encode(text) };
    return (await unsignedLine.webhook?.(request, never()))?.deliveries ?? [];
  };
  const { feeLst } = JSON.parse(new TextDecoder().decode(fixtureBytes("fee-answered")));
  const fifty = await push(JSON.stringify({ eventType: "fee", feeLst: Array.from({ length: 50 }, () => feeLst[0]) }));
  expect(fifty.map(({ kind }) => kind)).toEqual(Array.from({ length: 50 }, () => "fee"));
  for (const delivery of fifty) expect(read(unsignedLine, delivery).at(-1)?.kind).toBe("cdr");
  expect(await push("<html>busy")).toHaveLength(1);
  expect(await push('{"eventType":"fee","feeLst":[]}')).toHaveLength(1);
});

const end = (events: CallEvent[]) => events.findLast((event) => event.kind === "ended");

test("statuses that are lost are made good by the fee record, whose push is repeated for six hours", async () => {
  const time = virtualTime(new Date("2026-11-21T02:00:00.000Z"));
  const bodies: string[] = [];
  let pushes = 0;
  const far = await startHwvoiceHarness({
    speed: 1,
    now: () => time.now().getTime(),
    setTimer: time.setTimer,
    fetch: async (_, init) => {
      pushes += 1;
      bodies.push(String(init.body));
      return new Response("", { status: 503 });
    },
  });
  const quiet = far.order("answered", wish);
  if (quiet === null) throw new Error("no order");
  far.far.script(quiet.customer.reveal(), { loses: ["callout", "alerting", "answer", "disconnect"] });
  await channelOf(far, { now: time.now }).place(quiet, never());
  for (let hour = 0; hour < 12; hour += 1) {
    time.advance(3_600_000);
    await Bun.sleep(1);
  }
  expect([pushes, far.far.pushed.fees, far.far.pushesLost]).toEqual([7, 7, 1]);
  const events = read(channelOf(far), { kind: "fee", body: new TextEncoder().encode(bodies[0]) });
  expect(events.map(brief)).toEqual([
    ...["a", "b"].flatMap((leg) => ["calling", "ringing", "answered"].map((kind) => `${kind} ${leg} @4`)),
    "ended 0 NORMAL_CLEARING @4",
    "cdr @4",
  ]);
  await far.far.stop();
});

test("a call that reaches its limit says so in both pushes", async () => {
  const time = virtualTime(new Date("2026-11-21T02:00:00.000Z"));
  const bodies: string[] = [];
  const far = await startHwvoiceHarness({
    speed: 1,
    now: () => time.now().getTime(),
    setTimer: time.setTimer,
    fetch: async (_, init) => {
      bodies.push(String(init.body));
      return new Response("");
    },
  });
  const long = far.order("answered", wish);
  if (long === null) throw new Error("no order");
  far.far.script(long.customer.reveal(), { talkSeconds: 600 });
  await channelOf(far, { now: time.now }).place({ ...long, maxDurationSeconds: 120 }, never());
  time.advance(200_000);
  await Bun.sleep(5);
  const events = bodies.flatMap((body) => read(channelOf(far), { kind: "x", body: new TextEncoder().encode(body) }));
  const ends = events.filter((event) => event.kind === "ended").map(brief);
  expect(ends.toSorted()).toEqual(["ended 5 NORMAL_CLEARING @3", "ended 5 NORMAL_CLEARING @4"]);
  await far.far.stop();
});

test("hanging up a call that is over is answered as such; the stop itself is told", () =>
  withLine(harness, async (line) => {
    const ring = line.order("answered");
    const call: PlacedCall = { callId: ring.callId, attempt: 1, ...(await line.place(ring)), sentAt: new Date() };
    await channel.hangup?.(call, never());
    const events = await line.newsOf(ring, call, isOver);
    expect(end(events)).toMatchObject({ closeType: 0, raw: "8017" });
    const again = channel.hangup?.(call, never()) ?? Promise.resolve();
    expect((await failure(again, "a second hang-up")).cause).toBe("not-found");
  }));

test("a recording that the record names by its address is fetched from the provider's hosts alone", () =>
  withLine(harness, async (line) => {
    const ring = line.order("answered", { record: true });
    harness.far.script(ring.customer.reveal(), { directRecording: true });
    const events = await line.newsOf(ring, await line.place(ring), (all) => all.some(({ kind }) => kind === "cdr"));
    const recording = events.find((event) => event.kind === "recording");
    if (recording?.kind !== "recording" || !line.channel.openRecording) throw new Error("no recording");
    expect(recording.recordingRef).toStartWith(`${harness.far.url}/sound/`);
    expect((await new Response(await line.channel.openRecording(recording.recordingRef, never())).bytes()).length).toBe(
      8_044,
    );
    const elsewhere = line.channel.openRecording("http://127.0.0.1:9/sound/x.wav", never());
    expect((await failure(elsewhere, "another host")).code).toBe("recording-host");
  }));
