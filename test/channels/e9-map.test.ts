/** How 玖云's notifications and records read. */
import { expect, test } from "bun:test";
import type { CallEvent } from "../../channels/contract.ts";
import { xmlBytesMax } from "../../channels/e9/xml.ts";
import { fixtureBytes, startE9Harness } from "./e9-harness.ts";
import { brief, channelOf, never, read } from "./line.ts";

const channel = channelOf(await startE9Harness());
const bytes = (text: string) => new TextEncoder().encode(text);
const hangup = new TextDecoder().decode(fixtureBytes("hangup-answered.xml"));
const readXml = (text: string) => read(channel, { kind: "event", body: bytes(text) });
const end = (events: CallEvent[]) => events.find((event) => event.kind === "ended");

test.each([
  ["0", 0, "NORMAL_CLEARING"],
  ["1", 1, "NO_ANSWER"],
  ["2", 2, "NO_ANSWER"],
  ["3", 3, "USER_BUSY"],
  ["4", 4, "USER_BUSY"],
  ["5", 5, "NORMAL_CLEARING"],
  ["6", 6, "NETWORK_ERROR"],
  ["7", 7, "NETWORK_ERROR"],
  ["255", 255, "NETWORK_ERROR"],
])("byeType %s reads as %d %s", (code, closeType, cause) => {
  const events = readXml(hangup.replace("<byeType>0<", `<byeType>${code}<`));
  expect(end(events)).toMatchObject({ closeType, cause, raw: code, authority: 4 });
  expect(events.some((event) => event.kind === "unrecognized")).toBe(false);
});

test("an unheard-of byeType ends the call and is kept; a number in its place is not repeated", () => {
  const events = readXml(hangup.replace("<byeType>0<", "<byeType>13800000001<"));
  expect(end(events)).toMatchObject({ closeType: 255, cause: "NETWORK_ERROR", raw: "other" });
  expect(events).toContainEqual(expect.objectContaining({ kind: "unrecognized", raw: "byeType" }));
});

test("times are Beijing's, to the second; the recording runs from A's answer", () => {
  const events = readXml(hangup);
  expect(events.map((event) => event.at?.toISOString())).toEqual([
    "2024-05-01T04:00:10.000Z",
    "2024-05-01T04:00:18.000Z",
    "2024-05-01T04:01:00.000Z",
    "2024-05-01T04:01:00.000Z",
    "2024-05-01T04:01:00.000Z",
  ]);
  expect(events.find((event) => event.kind === "recording")).toMatchObject({ durationSeconds: 50 });
  const ref = { callId: "call_20240501_k3v9q2a8d7f6s5m4", attempt: 1 };
  for (const event of events) {
    expect(event.ref).toEqual({ ...ref, providerCallId: "303e6d1f0b5a4c7e9d2f1a3b5c7d9e0f" });
  }
});

test("an end without its time ended when it was told; unset times are no news, unreadable ones are kept", () => {
  const untimed = readXml(hangup.replace("<endTime>20240501120100<", "<endTime><"));
  expect(end(untimed)).toMatchObject({ authority: 3, at: new Date("2024-05-01T04:01:01Z") });
  const zero = readXml(hangup.replace("<startTimeB>20240501120018<", "<startTimeB>00000000000000<"));
  expect(zero.map(brief)).toEqual(["answered a @4", "ended 0 NORMAL_CLEARING @4", "recording @4", "cdr @4"]);
  const odd = readXml(hangup.replace("<startTimeB>20240501120018<", "<startTimeB>2024-05-01<"));
  expect(odd).toContainEqual(expect.objectContaining({ kind: "unrecognized", raw: "startTimeB" }));
  const bare = readXml("<req><action>Hangup</action><callId>abc</callId><byeType>0</byeType></req>");
  expect(bare.map(brief)).toEqual(["ended 0 NORMAL_CLEARING @1", "cdr @1"]);
  expect(bare[0]?.at).toBeNull();
});

test("another system's user data names no call of ours, a message without any id is refused", () => {
  const foreign = readXml(hangup.replace("call_20240501_k3v9q2a8d7f6s5m4.1", "c-000123"));
  expect(foreign[0]?.ref).toEqual({ providerCallId: "303e6d1f0b5a4c7e9d2f1a3b5c7d9e0f" });
  expect(() => readXml("<req><action>CallEstablish</action></req>")).toThrow("garbled");
});

const declared = (inner: string) => `<?xml version='1.0'?><!DOCTYPE req [${inner}]>`;
const laughs = Array.from({ length: 10 }, (_, n) => `<!ENTITY l${n + 1} "${`&l${n};`.repeat(10)}">`).join("");
test.each([
  ["a billion laughs", `${declared(`<!ENTITY l0 "ha">${laughs}`)}<req><callId>&l10;</callId></req>`],
  ["an external entity", `${declared('<!ENTITY x SYSTEM "file:///etc/passwd">')}<req><callId>&x;</callId></req>`],
  ["a deep nest", "<req>".repeat(2_000)],
  ["a deep nest that is closed", `${"<a>".repeat(2_300)}${"</a>".repeat(2_300)}`],
  ["too much", `<req><callId>${"a".repeat(xmlBytesMax)}</callId></req>`],
  ["a field said twice", "<req><callId>a</callId><callId>b</callId><action>CallEstablish</action></req>"],
  ["another root", "<Response><callId>a</callId></Response>"],
  ["bytes that are no UTF-8", "<req><callId>\ud800</callId>"],
])("%s is refused quickly, and yet kept by the webhook", async (_, text) => {
  const before = performance.now();
  expect(() => readXml(text)).toThrow("garbled (other, code form), effect none");
  expect(performance.now() - before).toBeLessThan(500);
  const push = { method: "POST", kind: "", query: {}, headers: {}, body: bytes(text) };
  expect((await channel.webhook?.(push, never()))?.deliveries).toEqual([{ kind: "event", body: bytes(text) }]);
});

test("XML's own entities and CDATA are read", () => {
  const events = readXml(
    hangup.replace(/<recordUrl>.*<\/recordUrl>/, "<recordUrl>http://h/r.mp3?a=1&amp;b=2</recordUrl>"),
  );
  expect(events).toContainEqual(expect.objectContaining({ recordingRef: "http://h/r.mp3?a=1&b=2" }));
  const cdata = readXml(hangup.replace("<byeType>0<", "<byeType><![CDATA[5]]><"));
  expect(end(cdata)).toMatchObject({ closeType: 5 });
});
