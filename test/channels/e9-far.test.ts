/** The far side of e9 itself: who may ask, what it refuses, and the faults that other tests rely on. */
import { expect, test } from "bun:test";
import { startE9Provider } from "../../channels/e9/fake.ts";
import { sign } from "../../channels/e9/sign.ts";
import { accountSid, appId, authToken, fixtureBytes, startE9Harness } from "./e9-harness.ts";
import { channelOf, never, withLine } from "./line.ts";

const harness = await startE9Harness();
const { far } = harness;

interface Change {
  version?: string;
  sid?: string;
  sig?: string;
  token?: string;
  header?: string;
  at?: Date;
  body?: unknown;
  operation?: string;
}

async function codeOf(change: Change = {}): Promise<string> {
  const { version = "2016-01-01", sid = accountSid, token = authToken, at = new Date() } = change;
  const { operation = "Records/query", body = { req: { callId: "x", type: 1 } } } = change;
  const { sig, authorization } = sign({ accountSid: sid, authToken: token }, at);
  const url = `${far.url}/${version}/Accounts/${sid}/${operation}?sig=${change.sig ?? sig}`;
  const headers = { authorization: change.header ?? authorization, "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const { resp } = (await answer.json()) as { resp: { statusCode: string } };
  return resp.statusCode;
}

const hour = 3_600_000;
const base64 = (text: string) => Buffer.from(text).toString("base64");

test.each<[string, Change]>([
  ["900217", {}],
  ["900217", { at: new Date(Date.now() - 11.9 * hour) }],
  ["900109", { at: new Date(Date.now() - 12.1 * hour) }],
  ["900109", { at: new Date(Date.now() + 12.1 * hour) }],
  ["900111", { token: "wrong-token" }],
  ["900111", { sig: "0".repeat(32) }],
  ["900100", { sig: "" }],
  ["900110", { sid: "f".repeat(32) }],
  ["900105", { header: base64(`${"f".repeat(32)}:20260101000000`) }],
  ["900101", { header: "" }],
  ["900102", { header: base64("no colon") }],
  ["900106", { header: base64(`${accountSid}:`) }],
  ["900107", { header: base64(`${accountSid}:2026`) }],
  ["900108", { header: base64(`${accountSid}:20261301000000`) }],
  ["900099", { version: "2013-12-26" }],
  ["900218", { body: { req: { callId: "x", type: 2 } } }],
  ["900213", { body: { req: { callId: "", type: 1 } } }],
])("%s for %p", async (code, change) => {
  expect(await codeOf(change)).toBe(code);
});

const callback = { appId, from: "13800000001", to: "13900000000", needRecord: 0, userData: "u", maxCallTime: 60 };

test.each<[string, object]>([
  ["000000", {}],
  ["000000", { to: "4001234560", from: "02150001234" }],
  ["900112", { appId: "" }],
  ["900116", { appId: "nobody's" }],
  ["900200", { from: "" }],
  ["900201", { from: "+8613800000001" }],
  ["900202", { to: null }],
  ["900203", { to: "2150001234" }],
  ["900205", { fromSerNum: ["13800000001"] }],
  ["900207", { toSerNum: ["13900000000"] }],
  ["900098", { toSerNum: ["1", "2", "3", "4"] }],
  ["900209", { maxCallTime: 28_801 }],
  ["900210", { needRecord: "1" }],
  ["900216", { userData: "字".repeat(43) }],
])("a call is answered %s where it says %p", async (code, change) => {
  const body = { callback: { ...callback, ...change } };
  expect(await codeOf({ operation: "Calls/callBack", body })).toBe(code);
});

test("a path of nobody's is no answer of the API", async () => {
  for (const path of ["/", "/2016-01-01/Accounts", `/2016-01-01/Accounts/${accountSid}/Calls`]) {
    expect((await fetch(far.url + path, { method: "POST" })).status).toBe(404);
  }
});

test.each(["never", "garbage"] as const)("scripted answer: %s; the call runs all the same", async (answer) => {
  const order = harness.scripted({ answer });
  const placing = channelOf(harness).place(order, AbortSignal.timeout(150));
  await expect(placing).rejects.toMatchObject({ effect: "unknown" });
  expect(far.calls.some((call) => call.order.to === order.customer.national())).toBe(true);
});

test("scripted slow answer", async () => {
  const before = performance.now();
  await channelOf(harness).place(harness.scripted({ answerAfterMs: 80 }), never());
  expect(performance.now() - before).toBeGreaterThan(70);
});

test("a call whose answer is lost tells of itself by our own id", () =>
  withLine(harness, async (line) => {
    const order = line.order("lost-answer");
    await line.channel.place(order, never()).catch(() => undefined);
    const nobody = { providerCallId: "unknown", providerJobId: null };
    const events = await line.newsOf(order, nobody, (all) => all.some(({ kind }) => kind === "cdr"));
    expect(events[0]?.ref).toMatchObject({ callId: order.callId, attempt: 1 });
    expect(far.ringsOf(order.customer.reveal())).toEqual({ a: 1, b: 1 });
  }));

test("a push of another app is refused and not repeated", () =>
  withLine(harness, async (line) => {
    const lostBefore = far.pushesLost;
    const order = line.order("a-busy");
    far.script(order.customer.reveal(), { wrongApp: true, notifyUrl: order.notifyUrl });
    await line.place(order);
    while (far.pushesLost < lostBefore + 2) await Bun.sleep(10);
    await Bun.sleep(50);
    expect(line.pushes).toHaveLength(2);
    expect(line.deliveries).toEqual([]);
  }));

test("garbage that comes to the right address is kept", () =>
  withLine(harness, async (line) => {
    const order = line.order("a-busy");
    far.script(order.customer.reveal(), { garbagePushes: true, notifyUrl: order.notifyUrl });
    await line.place(order);
    while (line.deliveries.length < 2) await Bun.sleep(10);
    expect(line.deliveries.map(({ kind }) => kind)).toEqual(["event", "event"]);
  }));

test("late pushes come late; half a call goes silent everywhere", () =>
  withLine(harness, async (line) => {
    const late = line.order("a-busy");
    far.script(late.customer.reveal(), { lateMs: 120, notifyUrl: late.notifyUrl });
    await line.place(late);
    await Bun.sleep(60);
    expect(line.deliveries).toEqual([]);
    while (line.deliveries.length < 2) await Bun.sleep(10);
    const silent = line.order("answered");
    far.script(silent.customer.reveal(), { silentAfterInvite: true, notifyUrl: silent.notifyUrl });
    const placed = await line.place(silent);
    while (far.calls.find(({ callId }) => callId === placed.providerCallId)?.endTime == null) await Bun.sleep(10);
    await Bun.sleep(30);
    expect(line.deliveries.slice(2).map(({ kind }) => kind)).toEqual(["CallInvite"]);
    const call = { callId: silent.callId, attempt: 1, ...placed, sentAt: new Date() };
    expect(await line.channel.follow?.([call], never())).toMatchObject([{ error: { code: "900217" } }]);
  }));

test("the app's own address is used where a call brings none", async () => {
  const pushes: string[] = [];
  const receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      pushes.push(await request.text());
      return new Response("");
    },
  });
  const provider = await startE9Provider({ speed: 100 });
  provider.addAccount(accountSid, { authToken, apps: { [appId]: `http://127.0.0.1:${receiver.port}/hook` } });
  const order = harness.scripted({});
  await channelOf(harness, {}, { ...harness.config, baseUrl: provider.url }).place(order, never());
  while (pushes.length < 4) await Bun.sleep(10);
  expect(pushes.map((text) => text.match(/<action>(\w+)/)?.[1])).toEqual([
    "CallInvite",
    "CallInvite",
    "CallEstablish",
    "Hangup",
  ]);
  // The far side writes the fields of the fixtures, in their order.
  const names = (text: string) => [...text.matchAll(/<(\w+)>/g)].map(([, name]) => name);
  expect(names(pushes[3] ?? "")).toEqual(names(new TextDecoder().decode(fixtureBytes("hangup-answered.xml"))));
  await provider.stop();
  await provider.stop();
  await receiver.stop(true);
});
