/** How 容联云通讯's records and server callbacks read, and how they are answered. */
import { describe, expect, test } from "bun:test";
import type { CallEvent } from "../../channels/contract.ts";
import { ronglian } from "../../channels/ronglian/index.ts";
import { pushBytesMax } from "../../channels/ronglian/push.ts";
import { failure } from "./checks/check.ts";
import { isOver } from "./checks/news.ts";
import { brief, channelOf, never, read, withLine } from "./line.ts";
import { accountSid, appId, authToken, fixtureBytes, startRonglianHarness } from "./ronglian-harness.ts";

const harness = await startRonglianHarness({}, { serverCallbacks: true });
const channel = channelOf(harness);
const { far } = harness;
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (file: string) => new TextDecoder().decode(fixtureBytes(file));
const both = text("both-answered.json");
const single = text("cdr-answered.xml");
const readText = (body: string, kind = "cdr") => read(channel, { kind, body: bytes(body) });
const end = (events: CallEvent[]) => events.find((event) => event.kind === "ended");
const push = (body: string, kind = "", made = channel) =>
  made.webhook?.({ method: "POST", kind, query: {}, headers: {}, body: bytes(body) }, never()) ??
  Promise.reject(new Error("no webhook"));

describe("byetype", () => {
  test.each([
    ["1", 0, "NORMAL_CLEARING"],
    ["2", 5, "NORMAL_CLEARING"],
    ["3", 0, "NORMAL_CLEARING"],
    ["4", 0, "NORMAL_CLEARING"],
    ["-1", 0, "NORMAL_CLEARING"],
    ["-2", 2, "NO_ANSWER"],
    ["-3", 0, "NORMAL_CLEARING"],
    ["-4", 1, "NETWORK_ERROR"],
    ["-5", 2, "NETWORK_ERROR"],
    ["-6", 6, "NETWORK_ERROR"],
    ["-7", 6, "NETWORK_ERROR"],
    ["-8", 2, "NO_ANSWER"],
    ["-9", 2, "NO_ANSWER"],
    ["-10", 1, "NO_ANSWER"],
    ["-11", 6, "NETWORK_ERROR"],
    ["-14", 0, "NORMAL_CLEARING"],
  ])("%s reads as %d %s", (code, closeType, cause) => {
    for (const events of [
      readText(single.replace("<byetype>3<", `<byetype>${code}<`)),
      readText(both.replaceAll('"byetype": "4"', `"byetype": "${code}"`)),
    ]) {
      expect(end(events)).toMatchObject({ closeType, cause, raw: code, authority: 4 });
      expect(events.some((event) => event.kind === "unrecognized")).toBe(false);
    }
  });

  test("-2 is whoever was ringing: A, where A never answered", () => {
    const unanswered = text("cdr-a-no-answer.xml").replace("<byetype>-10<", "<byetype>-2<");
    expect(end(readText(unanswered))).toMatchObject({ closeType: 1, cause: "NO_ANSWER" });
  });

  test("the leg that failed says why, whatever the other says", () => {
    const failed = both.replace(/"byetype": "4"(?=\s*\}\s*\}\s*$)/, '"byetype": "-9"');
    expect(end(readText(failed))).toMatchObject({ closeType: 2, raw: "-9" });
  });

  test("an unheard-of one ends the call and is kept; a number in its place is not repeated", () => {
    const events = readText(single.replace("<byetype>3<", "<byetype>13800000001<"));
    expect(end(events)).toMatchObject({ closeType: 255, raw: "other" });
    expect(events).toContainEqual(expect.objectContaining({ kind: "unrecognized", raw: "byetype other" }));
  });
});

test("times are Beijing's; with one record for both legs, A answered when A's phone fell silent", () => {
  const times = (events: CallEvent[]) => events.map((event) => [brief(event), event.at?.toISOString()]);
  expect(times(readText(single)).slice(0, 5)).toEqual([
    ["calling a @4", "2015-03-27T06:59:01.000Z"],
    ["ringing a @4", "2015-03-27T06:59:03.000Z"],
    ["answered a @4", "2015-03-27T06:59:10.000Z"],
    ["answered b @4", "2015-03-27T06:59:21.000Z"],
    ["ended 0 NORMAL_CLEARING @4", "2015-03-27T07:00:21.000Z"],
  ]);
  const events = readText(both);
  expect(events.find((event) => event.kind === "answered" && event.leg === "b")?.at).toEqual(
    new Date("2016-06-14T07:21:00Z"),
  );
  for (const { ref } of events) {
    const ours = { callId: "call_20160614_k3v9q2a8d7f6s5m4", attempt: 1 };
    expect(ref).toEqual({ ...ours, providerCallId: "16061415203000010001000200000001" });
  }
});

test("a record without any time ended when it came; zero seconds are no talk", () => {
  const bare = readText(`<CDR><callSid>abc</callSid><byetype>-11</byetype></CDR>`);
  expect(bare.map(brief)).toEqual(["ended 6 NETWORK_ERROR @1", "cdr @1"]);
  const silent = readText(single.replace("<duration>60<", "<duration>0<"));
  expect(silent.map(brief)).not.toContain("answered b @4");
});

test("names in any case, numbers for strings, a wrapper around it and XML for JSON make no difference", () => {
  const plain = readText(both).map(brief);
  const odd = [
    both.replace("callerCdr", "CallerCDR").replace("calledCdr", "CALLEDCDR").replaceAll("starttime", "startTime"),
    both.replaceAll(/"(20\d{12}|[\d]{1,2})"/g, "$1"),
    `  {"Response":{"CDRS":${both}}}`,
  ];
  for (const body of odd) expect(readText(body).map(brief)).toEqual(plain);
  const nameless = readText(both.replace("call_20160614_k3v9q2a8d7f6s5m4.1", "c-000123"));
  expect(nameless[0]?.ref).toEqual({ providerCallId: "16061415203000010001000200000001" });
});

const declared = (inner: string) => `<?xml version='1.0'?><!DOCTYPE CDR [${inner}]>`;
const laughs = Array.from({ length: 10 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join("");
test.each([
  ["a billion laughs", `${declared(`<!ENTITY l0 "ha">${laughs}`)}<CDR><callSid>&l10;</callSid></CDR>`],
  ["an external entity", `${declared('<!ENTITY x SYSTEM "file:///etc/passwd">')}<CDR><callSid>&x;</callSid></CDR>`],
  ["a deep nest", "<CDR>".repeat(2_000)],
  ["a deep nest that is closed", `${"<a>".repeat(2_300)}${"</a>".repeat(2_300)}`],
  ["a deep nest of JSON", `${'{"a":'.repeat(2_000)}1${"}".repeat(2_000)}`],
  ["too much", `<CDR><callSid>${"a".repeat(pushBytesMax)}</callSid></CDR>`],
  ["a field said twice", "<CDR><callSid>a</callSid><callSid>b</callSid><byetype>3</byetype></CDR>"],
  ["a field said twice in other letters", '{"callSid":"a","callsid":"b","byetype":"3"}'],
  ["a record that names no call", "<CDR><byetype>3</byetype></CDR>"],
  ["a call of which nothing is said", '{"callSid":"a"}'],
])("%s is refused quickly, and yet kept by the webhook", async (_, body) => {
  const before = performance.now();
  expect(() => readText(body)).toThrow("garbled (other, code form), effect none");
  expect(performance.now() - before).toBeLessThan(500);
  expect((await push(body)).deliveries[0]?.body).toEqual(bytes(body));
});

describe("the webhook", () => {
  const ok = (inner: string) => `<?xml version="1.0" encoding="UTF-8"?><Response>${inner}</Response>`;

  test("records are answered in their own form", async () => {
    expect(await push(single)).toEqual({
      deliveries: [{ kind: "cdr", body: bytes(single) }],
      reply: { status: 200, contentType: "application/xml", body: ok("<statuscode>000000</statuscode>") },
    });
    expect((await push(both)).reply).toEqual({
      status: 200,
      contentType: "application/json",
      body: '{"statuscode":"000000"}',
    });
  });

  test("server callbacks are answered with their own code, CallAuth with the wish for a recording", async () => {
    const auth = text("call-auth.xml");
    const said = (code: string, record = "") =>
      ok(`<statuscode>${code}</statuscode><statusmsg></statusmsg>${record && `<record>${record}</record>`}`);
    expect((await push(auth)).reply.body).toBe(said("0000", "0"));
    expect((await push(auth.replace(/\.1</, ".1.r<"))).reply.body).toBe(said("0000", "1"));
    expect((await push(auth.replace("call_20160614_k3v9q2a8d7f6s5m4.1", "theirs"))).reply.body).toBe(said("0000"));
    expect((await push(text("hangup.xml"))).reply.body).toBe(said("0000"));
    const six = channelOf(harness, {}, { ...harness.config, authReply: "000000" });
    expect((await push(auth, "", six)).reply.body).toBe(said("000000", "0"));
  });

  test("the address tells a callback that does not name itself", async () => {
    const nameless = text("hangup.xml").replace("<action>Hangup</action>", "");
    for (const path of ["Hangup", "hangup"]) expect((await push(nameless, path)).deliveries[0]?.kind).toBe("Hangup");
    expect(readText(nameless, "Hangup").map(brief)).toEqual(["answered b @3", "ended 0 NORMAL_CLEARING @3"]);
  });

  test("a push of another app is refused, one that names none is taken", async () => {
    for (const body of [single, both, text("hangup.xml")]) {
      const foreign = await failure(push(body.replaceAll(appId, "f".repeat(32))), "a foreign push");
      expect(foreign.kind).toBe("unauthorized");
    }
    expect((await push(single.replace(/<appId>.*<\/appId>/, ""))).deliveries[0]?.kind).toBe("cdr");
  });
});

test("a call that our answer forbids is never dialed, and says so", () =>
  withLine(harness, async (line) => {
    const order = line.order("answered");
    // The far side takes an answer that is not 200 for a no.
    far.script(order.customer.reveal(), { callbackUrl: far.url });
    const events = await line.newsOf(order, await line.place(order), isOver);
    expect(end(events)?.kind === "ended" && end(events)).toMatchObject({ raw: "-7" });
    expect(ronglian.neverDialed).toContain("-7");
    expect(events.some((event) => "leg" in event)).toBe(false);
    expect(far.ringsOf(order.customer.reveal())).toEqual({ a: 0, b: 0 });
  }));

test("a recording that CallAuth was told to make is made, and half a call tells nothing", () =>
  withLine(harness, async (line) => {
    const order = line.order("answered", { record: true });
    const events = await line.newsOf(order, await line.place(order), isOver);
    expect(far.calls.find((call) => call.order.to === order.customer.national())?.record).toBe("1");
    expect(events.some((event) => event.kind === "recording")).toBe(true);
    const silent = harness.scripted({ silent: true, talkSeconds: 0 });
    const placed = await line.place(silent);
    while (far.calls.find(({ callSid }) => callSid === placed.providerCallId)?.endedAt == null) await Bun.sleep(10);
    expect(line.deliveries.some(({ body }) => new TextDecoder().decode(body).includes(silent.callId))).toBe(false);
  }));

test.each(["a-failed", "b-failed", "b-declined"] as const)("%s has no word of its own", (ending) =>
  withLine(harness, async (line) => {
    const order = line.order("answered");
    far.script(order.customer.reveal(), { ending, callbackUrl: order.notifyUrl });
    const events = await line.newsOf(order, await line.place(order), (all) => all.some(({ kind }) => kind === "cdr"));
    const words = { "a-failed": "1 NETWORK_ERROR", "b-failed": "2 NETWORK_ERROR", "b-declined": "2 NO_ANSWER" };
    const told = events.map(brief).filter((one) => one.startsWith("ended"));
    expect(told.toSorted()).toEqual([`ended ${words[ending]} @3`, `ended ${words[ending]} @4`]);
  }),
);

test("without server callbacks there is no news before the end", () => {
  const parse = (more: object) => ronglian.config.parse({ accountSid, authToken, appId, ...more });
  expect(ronglian.live(parse({}))).toBe("none");
  expect(ronglian.live(parse({ serverCallbacks: true }))).toBe("lossy");
});

test("pushes of another app are refused; garbage that comes to the right address is kept; late ones come late", () =>
  withLine(harness, async (line) => {
    const place = async (script: object) => {
      const order = line.order("answered");
      far.script(order.customer.reveal(), { ending: "a-failed", callbackUrl: order.notifyUrl, ...script });
      await line.place(order);
    };
    const lostBefore = far.pushesLost;
    await place({ wrongApp: true });
    // Its CallAuth is refused, and so are its end and its record.
    while (far.pushesLost < lostBefore + 3) await Bun.sleep(10);
    expect([line.pushes.length, line.deliveries]).toEqual([3, []]);
    await place({ garbagePushes: true });
    while (line.deliveries.length < 3) await Bun.sleep(10);
    // What the address names is known all the same.
    expect(line.deliveries.map(({ kind }) => kind)).toEqual(["CallAuth", "Hangup", "event"]);
    const before = performance.now();
    await place({ lateMs: 60 });
    while (line.deliveries.length < 6) await Bun.sleep(10);
    expect(performance.now() - before).toBeGreaterThan(100);
    expect(line.deliveries.slice(3).map(({ kind }) => kind)).toEqual(["CallAuth", "Hangup", "cdr"]);
  }));
