/** How 容联七陌's events, web call results and records read, and how a call is found again. */
import { describe, expect, test } from "bun:test";
import type { CallEvent, PlacedCall, RawRequest } from "../../channels/contract.ts";
import { jobOf } from "../../channels/qimoor/identity.ts";
import { bodyBytesMax } from "../../channels/qimoor/map.ts";
import { failure } from "./checks/check.ts";
import { isOver } from "./checks/news.ts";
import { brief, channelOf, type Line, never, read, withLine } from "./line.ts";
import { accountId, apiSecret, fixtureBytes, startQimoorHarness } from "./qimoor-harness.ts";

const harness = await startQimoorHarness();
const channel = channelOf(harness);
const { far } = harness;
const web = await startQimoorHarness({}, { mode: "webcall", serviceNo: "01021570001" });
const bytes = (text: string) => new TextEncoder().encode(text);
const answered = new TextDecoder().decode(fixtureBytes("hangup-answered.txt"));
const readText = (text: string, kind = "Hangup") => read(channel, { kind, body: bytes(text) });
const end = (events: CallEvent[]) => events.find((event) => event.kind === "ended");

describe("State", () => {
  test.each([
    ["dealing", 0, "NORMAL_CLEARING"],
    ["notDeal", 2, "NO_ANSWER"],
    ["leak", 2, "NO_ANSWER"],
    ["queueLeak", 2, "NO_ANSWER"],
    ["voicemail", 2, "NO_ANSWER"],
    ["blackList", 6, "NETWORK_ERROR"],
    ["limit", 6, "NETWORK_ERROR"],
  ])("%s reads as %d %s", (state, closeType, cause) => {
    const events = readText(answered.replace("State=dealing", `State=${state}`));
    expect(end(events)).toMatchObject({ closeType, cause, raw: state, authority: 4 });
    expect(events.some((event) => event.kind === "unrecognized")).toBe(false);
  });

  test("a number in its place is not repeated", () => {
    const events = readText(answered.replace("State=dealing", "State=13800000001"));
    expect(end(events)).toMatchObject({ closeType: 255, raw: "other" });
    expect(events).toContainEqual(expect.objectContaining({ kind: "unrecognized", raw: "state other" }));
  });
});

test.each([
  ["3", "ended 1 NO_ANSWER @1"],
  ["0", "ended 1 NETWORK_ERROR @1"],
  ["8", "ended 1 NETWORK_ERROR @1"],
  ["5", "ended 6 NETWORK_ERROR @1"],
  ["4", "answered a @1"],
])("a web call's result %s reads as: %s", (code, event) => {
  const text = `actionid=call_20240501_k3v9q2a8d7f6s5m4.1&Message=${code}`;
  expect(readText(text, "webcall").map(brief)).toEqual([event]);
});

test("times are Beijing's; every event names our call, and how to hang it up", () => {
  const events = readText(answered);
  expect(events.map((event) => event.at?.toISOString().slice(11, 19))).toEqual([
    "04:00:00",
    "04:00:06",
    "04:00:06",
    "04:00:12",
    "04:01:00",
    "04:01:00",
    "04:01:00",
  ]);
  expect(events[0]?.ref).toEqual({
    callId: "call_20240501_k3v9q2a8d7f6s5m4",
    attempt: 1,
    providerCallId: "call_20240501_k3v9q2a8d7f6s5m4.1.r",
    providerJobId: jobOf("8000", "13800000002", apiSecret),
  });
  expect(events.find((event) => event.kind === "recording")).toMatchObject({
    recordingRef: "http://record.7moor.com/monitor/0f1e2d3c.mp3",
  });
});

test("a recording that nobody wished for is none, one that cannot be fetched is kept as such", () => {
  const kinds = (text: string) => readText(text).map(({ kind }) => kind);
  expect(kinds(answered.replace(".1.r&", ".1&"))).not.toContain("recording");
  expect(kinds(answered.replace(/FileServer=[^&]*/, "FileServer=undefined"))).toContain("unrecognized");
});

test("JSON, a query and a form read alike; calls of others keep the provider's id, or are refused without one", () => {
  const json = JSON.stringify(Object.fromEntries(new URLSearchParams(answered)));
  expect(readText(json)).toEqual(readText(answered));
  const manual = readText(answered.replace(/ActionID=[^&]*/, "ActionID="));
  expect(manual[0]?.ref).toEqual({ providerCallId: "0f1e2d3c-1" });
  for (const text of ["CallState=Hangup", "actionid=1&Message=4", "a".repeat(bodyBytesMax + 1), "%ff=1", '{"a":{}}']) {
    expect(() => readText(text)).toThrow("garbled (other, code form), effect none");
  }
});

test("a push of another account is refused; what cannot be read is kept", async () => {
  const push = (query: Record<string, string>, body = "", method = "GET") => {
    const request: RawRequest = { method, kind: "", query, headers: {}, body: bytes(body) };
    return channel.webhook?.(request, never()) ?? Promise.reject(new Error("no webhook"));
  };
  const query = Object.fromEntries(new URLSearchParams(answered));
  const taken = await push({ ...query, AccountId: accountId });
  expect(taken.deliveries.map(({ kind }) => kind)).toEqual(["Hangup"]);
  expect(taken.reply).toEqual({ status: 200, contentType: "application/json", body: '{"code":200,"success":true}' });
  expect((await push(query)).deliveries).toHaveLength(1);
  const foreign = await failure(push({ ...query, AccountId: "N00000000999" }), "a foreign push");
  expect(foreign.kind).toBe("unauthorized");
  expect((await push({}, answered, "POST")).deliveries).toEqual([{ kind: "Hangup", body: bytes(answered) }]);
  expect((await push({ CallState: "13800000001" })).deliveries[0]?.kind).toBe("event");
  expect((await push({ CallState: "record" })).deliveries[0]?.kind).toBe("event");
});

async function eventsOf(line: Line, order: ReturnType<typeof harness.scripted>): Promise<string[]> {
  const events = await line.newsOf(order, await line.place(order), isOver);
  return [...new Set(events.map(brief))].filter((one) => /^(answered|ended|ringing|unrec)/.test(one)).toSorted();
}

test.each([
  ["answered", ["answered a @1", "answered b @3", "answered b @4", "ended 0 NORMAL_CLEARING @4"]],
  ["a-no-answer", ["ended 1 NO_ANSWER @4"]],
  ["a-busy", ["ended 1 NO_ANSWER @4"]],
  ["b-no-answer", ["answered a @1", "ended 2 NO_ANSWER @4"]],
  ["b-declined", ["answered a @1", "ended 2 NO_ANSWER @4"]],
] as const)("a dialout that goes %s", (ending, want) =>
  withLine(harness, async (line) => {
    const order = line.order("answered");
    far.script(order.customer.reveal(), { ending, notifyUrl: order.notifyUrl });
    const events = await eventsOf(line, order);
    expect(events.filter((one) => !one.startsWith("ringing"))).toEqual([...want]);
    expect(events.includes("ringing b @4")).toBe(far.ringsOf(order.customer.reveal()).b === 1);
  }),
);

test.each([
  ["answered", ["answered a @1", "answered b @3", "answered b @4", "ended 0 NORMAL_CLEARING @4", "unrecognized @1"]],
  ["a-no-answer", ["ended 1 NO_ANSWER @1"]],
  ["b-no-answer", ["answered a @1", "ended 2 NO_ANSWER @4", "unrecognized @1"]],
] as const)("a web call that goes %s", (ending, want) =>
  withLine(web, async (line) => {
    const order = line.order("answered");
    web.far.script(order.customer.reveal(), { ending, notifyUrl: order.notifyUrl });
    expect(await eventsOf(line, order)).toEqual([...want]);
  }),
);

describe("a call of which nothing more is heard", () => {
  async function ended(made: typeof harness, line: Line, order: ReturnType<typeof harness.scripted>) {
    const sentAt = new Date();
    const call: PlacedCall = { callId: order.callId, attempt: order.attempt, ...(await line.place(order)), sentAt };
    while (made.far.calls.find((one) => one.order.actionId === call.providerCallId)?.end == null) await Bun.sleep(10);
    return call;
  }
  const silently = (line: Line, more: object = {}) => {
    const order = line.order("answered", { record: true });
    far.script(order.customer.reveal(), { silent: true, notifyUrl: order.notifyUrl, ...more });
    return order;
  };

  test("is asked for: its record is found by agent, customer and time", () =>
    withLine(harness, async (line) => {
      const order = silently(line);
      const call = await ended(harness, line, order);
      const [answer] = (await channel.follow?.([call], never())) ?? [];
      if (answer === undefined || !("delivery" in answer)) throw new Error("no record");
      const events = read(channel, answer.delivery);
      expect(events.map(brief)).toEqual([
        "calling a @4",
        "answered a @1",
        "answered b @4",
        "ended 0 NORMAL_CLEARING @4",
        "recording @4",
        "cdr @4",
      ]);
      expect(events[0]?.ref).toMatchObject({ callId: order.callId, attempt: 1, providerCallId: call.providerCallId });
      expect(await channel.find?.(order, call.sentAt, never())).toEqual({
        providerCallId: call.providerCallId,
        providerJobId: call.providerJobId,
      });
    }));

  test("is not taken for the same two people's call a minute earlier or later, nor for another's", () =>
    withLine(harness, async (line) => {
      const order = silently(line);
      const call = await ended(harness, line, order);
      const outcome = async (change: Partial<PlacedCall>) => {
        const [answer] = (await channel.follow?.([{ ...call, ...change }], never())) ?? [];
        return answer !== undefined && "delivery" in answer ? "found" : answer?.error.code;
      };
      expect(await outcome({})).toBe("found");
      expect(await outcome({ sentAt: new Date(call.sentAt.getTime() + 30_000) })).toBe("no-record");
      expect(await outcome({ sentAt: new Date(call.sentAt.getTime() - 90_000) })).toBe("no-record");
      const agent = order.agent.seat ?? "";
      expect(await outcome({ providerJobId: jobOf(agent, "13900000000", apiSecret) })).toBe("no-record");
      expect(await outcome({ providerJobId: jobOf("9", order.customer.national(), apiSecret) })).toBe("no-record");
      expect(await outcome({ providerJobId: null })).toBe("no-record");
    }));

  test("and of which there is no record stays unknown", () =>
    withLine(harness, async (line) => {
      const order = silently(line, { unrecorded: true });
      const call = await ended(harness, line, order);
      expect(await channel.follow?.([call], never())).toMatchObject([{ error: { cause: "not-found" } }]);
      expect(await channel.find?.(order, call.sentAt, never())).toBe("cannot-tell");
    }));

  test("is found in a list that is cut by the end, where the window is long enough", async () => {
    let now = Date.parse("2026-11-21T03:12:00Z");
    const late = await startQimoorHarness({ cutBy: "end", now: () => now });
    const order = late.scripted({ silent: true });
    const tools = { now: () => new Date(now) };
    const sentAt = new Date(now);
    const call = { ...(await channelOf(late, tools).place(order, never())), callId: order.callId, attempt: 1, sentAt };
    while (late.far.calls[0]?.begin == null) await Bun.sleep(5);
    now += 30 * 60_000;
    while (late.far.calls[0]?.end == null) await Bun.sleep(5);
    const asked = async (cdrWindowMinutes: number) => {
      const made = channelOf(late, tools, { ...late.config, cdrWindowMinutes });
      return (await made.follow?.([call], never()))?.[0];
    };
    expect(await asked(3)).toHaveProperty("error");
    expect(await asked(60)).toHaveProperty("delivery");
    await late.far.stop();
  });
});

test("the far side's pushes of another account are refused, and not repeated", () =>
  withLine(harness, async (line) => {
    const lostBefore = far.pushesLost;
    const order = line.order("answered");
    far.script(order.customer.reveal(), { ending: "a-busy", wrongAccount: true, notifyUrl: order.notifyUrl });
    await line.place(order);
    while (far.pushesLost < lostBefore + 2) await Bun.sleep(10);
    await Bun.sleep(50);
    expect([line.pushes.length, line.deliveries]).toEqual([2, []]);
  }));
