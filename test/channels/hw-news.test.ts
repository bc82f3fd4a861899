/** States, reasons and codes: what is read in them, and what createCall is asked. */
import { describe, expect, test } from "bun:test";
import type { CallEvent, RawDelivery } from "../../channels/contract.ts";
import { hw } from "../../channels/hw/index.ts";
import { appKey, appSecret, fixtures, orderTo, startHwHarness } from "./hw-harness.ts";
import { brief, channelOf, never, read } from "./line.ts";

const harness = await startHwHarness();
const channel = channelOf(harness);
const wish = { notifyUrl: "http://127.0.0.1:9/", record: false };
const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const endOf = (delivery: RawDelivery): string[] =>
  read(channel, delivery)
    .map(brief)
    .filter((one) => /^(end|unr)/.test(one));

describe("reading", () => {
  const reasons: [number, ...string[]][] = [
    [0, "ended 0 NORMAL_CLEARING @2"],
    [1, "ended 0 NORMAL_CLEARING @2"],
    [2, "ended 1 NETWORK_ERROR @2"],
    [3, "ended 2 NETWORK_ERROR @2"],
    [4, "ended 1 NO_ANSWER @2"],
    [5, "ended 2 NO_ANSWER @2"],
    [6, "ended 6 NETWORK_ERROR @2"],
    [31, "ended 255 NETWORK_ERROR @2", "unrecognized @1"],
  ];
  for (const [reasonCode, ...events] of reasons) {
    test(`reasonCode ${reasonCode}`, () => {
      const result = { state: 3, reasonCode, startTime: "1795230721000", endTime: "1795230736000" };
      const body = bytes({ retCode: "0", result });
      const delivery = { kind: "state", body, about: { callSerialNo: "17" } };
      expect(endOf(delivery)).toEqual(events);
      const end = read(channel, delivery).find(({ kind }) => kind === "ended");
      expect(end).toMatchObject({
        raw: String(reasonCode),
        ref: { providerCallId: "17" },
        chState: `ended-${reasonCode}`,
      });
      expect(end?.at?.toISOString()).toBe("2026-11-21T03:12:16.000Z");
    });
  }

  const eventsOf = (name: string): CallEvent[] => {
    const found = fixtures.find((one) => one.name === name);
    return found ? read(channel, found.delivery) : [];
  };

  test("a record's legs have their own times, to the millisecond, without a zone", () => {
    const times = eventsOf("cdr-completed").map((event) => [brief(event).slice(0, -3), event.at?.getTime()]);
    expect(times).toEqual([
      ["calling a", 1795230721000],
      ["ringing a", 1795230721300],
      ["answered a", 1795230723000],
      ["ringing b", 1795230723500],
      ["answered b", 1795230726000],
      ["connected", 1795230726000],
      ["ended 0 NORMAL_CLEARING", 1795230736000],
      ["cdr", 1795230736000],
    ]);
  });

  test("our call id and attempt come back, another's call data does not count", () => {
    const ours = { callId: "call_20261121_k3v9q2a8d7f6s5m4", attempt: 1, providerCallId: "1037058396471308289" };
    for (const name of ["cdr-completed", "state-ended", "connect", "release"]) {
      expect(eventsOf(name)[0]?.ref, name).toEqual(ours);
    }
    expect(eventsOf("cdr-foreign")[0]?.ref).toEqual({ providerCallId: "1037058396471308289" });
  });

  test("a serial number written as a number keeps its last digits", () => {
    const text = '{"callSerialNo":1037058396471308289,"serviceNo":"","called":"1","callData":""}';
    const [event] = read(channel, { kind: "push", body: bytes(text) });
    expect(event?.ref).toEqual({ providerCallId: "1037058396471308289" });
  });

  test("a push as the vendor's samples print it is read too", () => {
    const connected = "{\ncallSerialNo=1197235857187927062, \nserviceNo=, \ncalled=88880067, \ncallData=\n}";
    expect(read(channel, { kind: "push", body: bytes(connected) })).toMatchObject([
      { kind: "connected", at: null, authority: 1, ref: { providerCallId: "1197235857187927062" } },
    ]);
    const released =
      "{ agentAlertingTime=2022/02/22,10:04:29:004, talkingTime=2022/02/22,10:04:29:004, callData=null, " +
      "callSerialNo=1197765398201387012, called=88880067, releaseReason=5 }";
    expect(read(channel, { kind: "push", body: bytes(released) }).map(brief)).toEqual([
      "connected @1",
      "ended 2 NO_ANSWER @1",
    ]);
  });
});

describe("what createCall answers", () => {
  const codes: [string, object][] = [
    ["1", { kind: "refused", effect: "none", cause: "server" }],
    ["3", { kind: "refused", effect: "unknown", cause: "server" }],
    ["5", { kind: "refused", effect: "none", cause: "number" }],
    ["6", { kind: "refused", effect: "none", cause: "instance" }],
    ["8", { kind: "refused", effect: "none", cause: "agent" }],
    ["16", { kind: "refused", effect: "none", cause: "agent" }],
    ["21", { kind: "limited", effect: "none", cause: "daily-limit" }],
    ["90102001", { kind: "refused", effect: "none", cause: "balance" }],
    ["90104008", { kind: "refused", effect: "unknown", cause: "server" }],
    ["90104029", { kind: "limited", effect: "none", cause: "rate" }],
    ["90106012", { kind: "compliance", effect: "none", cause: "blacklist" }],
    ["4711", { kind: "refused", effect: "none", cause: "other" }],
  ];
  for (const [code, error] of codes) {
    test(`retCode ${code}`, async () => {
      const order = orderTo("+8613900000006", Number(code), wish);
      harness.far.script(`${order.callId}.1`, { answer: "refused", retCode: code });
      await expect(channel.place(order, never())).rejects.toMatchObject({ ...error, code });
    });
  }

  test("a rate limit the vendor does not document leaves the effect unknown", async () => {
    harness.far.failNext("createCall", "limited");
    const placing = channel.place(orderTo("+8613900000000", 501, wish), never());
    await expect(placing).rejects.toMatchObject({ kind: "limited", effect: "unknown", code: "http-429" });
  });
});

describe("what createCall is asked", () => {
  async function asked(more: Parameters<typeof orderTo>[3], config: object = {}) {
    const number = 600 + harness.far.calls.length;
    const made = channelOf(harness, {}, { ...harness.config, ...config });
    const { providerCallId } = await made.place(orderTo("+862161001234", number, wish, more), never());
    return harness.far.calls.find((call) => call.callId === providerCallId)?.order;
  }

  test("numbers are national; our id and attempt go along; a private call shows the line's number", async () => {
    expect(await asked({ attempt: 2, callId: "call_20261121_abcdefghij012345" })).toEqual({
      caller: expect.stringMatching(/^138\d{8}$/),
      called: expect.stringMatching(/^\d+$/),
      callData: "call_20261121_abcdefghij012345.2",
      callerPresent: "2150001234",
      agentPresent: "2150001234",
      callBackUrl: Buffer.from(wish.notifyUrl).toString("base64"),
    });
  });

  test("the agent sees the customer's number only where that is open, and never in a private call", async () => {
    const open = { passThrough: true };
    expect((await asked({ privacy: false }, open))?.agentPresent).toBe("2161001234");
    expect((await asked({ privacy: false }))?.agentPresent).toBe("2150001234");
    expect((await asked({ privacy: true }, open))?.agentPresent).toBe("2150001234");
    expect((await asked({ privacy: true, displayNumber: null }, open))?.agentPresent).toBeUndefined();
  });

  test("a seat goes along as the work number; one that is none is refused before anything is sent", async () => {
    const phone = orderTo("+8613900000000", 7, wish).agent.phone;
    expect((await asked({ agent: { phone, seat: "107" } }))?.agentWorkNo).toBe(107);
    const before = harness.far.requests.createCall;
    const bad = asked({ agent: { phone, seat: "seat of Li" } });
    await expect(bad).rejects.toMatchObject({ effect: "none", cause: "agent" });
    await expect(asked({ agent: { phone: null, seat: "107" } })).rejects.toMatchObject({ cause: "agent" });
    expect(harness.far.requests.createCall).toBe(before);
  });

  test("a recording can be wished for only where the tenant records", () => {
    const parse = (more: object) => hw.config.parse({ appKey, appSecret, ...more });
    expect(hw.honours(parse({}))).not.toContain("record");
    expect(hw.honours(parse({ recorded: true }))).toContain("record");
  });
});
