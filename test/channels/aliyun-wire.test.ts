/** What a call asks for, what codes mean, and what is read of an odd record. */
import { afterAll, describe, expect, test } from "bun:test";
import { aliyun } from "../../channels/aliyun/index.ts";
import type { CallOrder } from "../../channels/contract.ts";
import { accessKeyId, accessKeySecret, fixtureBytes, instanceId, startAliyunHarness } from "./aliyun-harness.ts";
import { phone } from "./harness.ts";
import { brief, channelOf, never, read } from "./line.ts";

const harness = await startAliyunHarness("pushed");
afterAll(() => harness.far.stop());
const { far } = harness;
const channel = channelOf(harness);

describe("what StartBack2BackCall is asked", () => {
  async function asked(more: Partial<CallOrder>, config: object = {}) {
    const made = channelOf(harness, {}, { ...harness.config, ...config });
    const { providerCallId } = await made.place(harness.scripted({}, more), never());
    return far.calls.find((call) => call.jobId === providerCallId)?.order;
  }

  test("national numbers, the shown number for both legs, our id and attempt in the tags", async () => {
    const callId = "call_20261121_abcdefghij012345";
    const order = await asked({ callId, attempt: 2, customer: phone("+8613900001110") });
    expect(order).toEqual({
      Caller: expect.stringMatching(/^138\d{8}$/),
      Callee: "13900001110",
      Broker: expect.stringMatching(/^\d+$/),
      TimeoutSeconds: "60",
      Tags: `{"callId":"${callId}","attempt":2}`,
    });
    expect(Buffer.byteLength(order?.Tags ?? "")).toBeLessThanOrEqual(128);
  });

  test("the ringing time of one leg, or where the instance counts both, of both; never beyond what is known to pass", async () => {
    expect((await asked({ ringTimeoutSeconds: 45 }))?.TimeoutSeconds).toBe("45");
    expect((await asked({ ringTimeoutSeconds: 45 }, { timeoutCovers: "both" }))?.TimeoutSeconds).toBe("90");
    expect((await asked({ ringTimeoutSeconds: 200 }, { timeoutCovers: "both" }))?.TimeoutSeconds).toBe("300");
  });

  test("what would ring a stranger, or cannot be called, is refused before anything is sent", async () => {
    const before = far.requests.StartBack2BackCall;
    const abroad = phone("+14155552671");
    const agent = harness.scripted({}).agent;
    await expect(asked({ customer: abroad })).rejects.toMatchObject({ effect: "none", cause: "region" });
    await expect(asked({ displayNumber: abroad })).rejects.toMatchObject({ effect: "none", cause: "shown-number" });
    await expect(asked({ displayNumber: null })).rejects.toMatchObject({ effect: "none", cause: "shown-number" });
    await expect(asked({ agent: { ...agent, phone: abroad } })).rejects.toMatchObject({ cause: "agent" });
    await expect(asked({ agent: { phone: null, seat: "a" } })).rejects.toMatchObject({
      effect: "none",
      cause: "agent",
    });
    expect(far.requests.StartBack2BackCall).toBe(before);
  });
});

describe("what a refusal means", () => {
  const codes: [code: string, status: number, meaning: object][] = [
    ["Parameter.Format", 400, { kind: "refused", effect: "none", cause: "parameter" }],
    ["MissingParameter", 400, { kind: "refused", effect: "none", cause: "parameter" }],
    ["NotExists.InstanceId", 404, { kind: "refused", effect: "none", cause: "instance" }],
    ["NotExists.Number", 200, { kind: "refused", effect: "none", cause: "shown-number" }],
    ["NotExists.RoleId", 404, { kind: "refused", effect: "none", cause: "other" }],
    ["UserBusy", 400, { kind: "refused", effect: "none", cause: "agent" }],
    ["InUse.SkillGroup", 400, { kind: "refused", effect: "none", cause: "instance" }],
    ["LimitExceed.Calls", 400, { kind: "limited", effect: "none", cause: "other" }],
    ["Throttling", 400, { kind: "limited", effect: "none", cause: "rate" }],
    ["Throttling.User", 429, { kind: "limited", effect: "none", cause: "rate" }],
    ["Throttling.Api", 503, { kind: "limited", effect: "none", cause: "rate" }],
    ["Permission.Common", 403, { kind: "unauthorized", effect: "none", cause: "credentials" }],
    ["Forbidden.RAM", 403, { kind: "unauthorized", effect: "none", cause: "credentials" }],
    ["InternalService.DB", 500, { kind: "refused", effect: "unknown", cause: "server" }],
    ["ServiceUnavailable", 503, { kind: "refused", effect: "unknown", cause: "server" }],
    // Nobody knows these: what their status says has to do.
    ["Levitated", 409, { kind: "refused", effect: "none", cause: "other" }],
    ["Levitated", 200, { kind: "refused", effect: "none", cause: "other" }],
    ["Levitated", 502, { kind: "refused", effect: "unknown", cause: "other" }],
  ];
  for (const [code, status, meaning] of codes) {
    test(`${code} with HTTP ${status}`, async () => {
      const order = harness.scripted({ answer: "refused", code, status });
      await expect(channel.place(order, never())).rejects.toMatchObject({ ...meaning, code });
      expect(harness.ringsOf(order.customer)).toEqual({ a: 0, b: 0 });
    });
  }

  test("an unknown code in a 200 that tells no status leaves the effect unknown", async () => {
    const fetch = async () => Response.json({ Code: "Levitated", RequestId: "1" });
    const placing = channelOf(harness, { fetch }).place(harness.scripted({}), never());
    await expect(placing).rejects.toMatchObject({ kind: "refused", effect: "unknown", code: "Levitated" });
  });

  test("an instance that does not run is not reached", async () => {
    const fetch = async () => Response.json({ Code: "OK", Data: { Id: instanceId, Status: "SUSPENDED" } });
    await expect(channelOf(harness, { fetch }).probe(never())).rejects.toMatchObject({ cause: "instance" });
  });
});

describe("what is read", () => {
  const endOf = (record: object, more: object = {}) => {
    const body = new TextEncoder().encode(JSON.stringify({ ...JSON.parse(String(listed)), ...record }));
    const events = read(channelOf(harness, {}, { ...harness.config, ...more }), { kind: "cdr", body });
    return events.map(brief).filter((one) => /^(ended|answered b|unr)/.test(one));
  };
  const listed = Buffer.from(fixtureBytes("listed-completed"));

  test("a SIP number counts for more than the disposition, a mere 200 for less", () => {
    const said = (ContactDisposition: string, ReleaseReason: string) => endOf({ ContactDisposition, ReleaseReason });
    expect(said("NoAnswer", "486:USER_BUSY")).toEqual(["ended 4 USER_BUSY @3"]);
    expect(said("NoAnswer", "200 - OK")).toEqual(["ended 2 NO_ANSWER @3"]);
    expect(said("Reject", "200 - OK")).toEqual(["ended 4 CALL_REJECTED @3"]);
    expect(said("NoAnswer", "404 - Not Found")).toEqual(["ended 2 UNALLOCATED_NUMBER @3"]);
    expect(said("NoAnswer", "484 - Address Incomplete")).toEqual(["ended 2 INVALID_NUMBER @3"]);
    expect(said("NoAnswer", "503 - Service Unavailable")).toEqual(["ended 2 NETWORK_ERROR @3"]);
    expect(said("Success", "486 - Busy")).toEqual(["ended 4 USER_BUSY @3"]);
    expect(said("Success", "200 - OK")).toEqual(["answered b @1", "ended 0 NORMAL_CLEARING @4"]);
    expect(said("", "13900001111")).toEqual(["ended 255 NETWORK_ERROR @3", "unrecognized @3"]);
  });

  test("a first leg that was never established is the one that failed", () => {
    expect(endOf({ EstablishedTime: "", ContactDisposition: "NoAnswer", ReleaseReason: "" })).toEqual([
      "ended 1 NO_ANSWER @3",
    ]);
  });

  test("when B answered is reckoned from the length of the talk, or not at all where Success does not mean a talk", () => {
    const [answer] = read(channel, { kind: "cdr", body: fixtureBytes("listed-completed") }).filter(
      (event) => event.kind === "answered" && event.leg === "b",
    );
    expect(answer?.at?.getTime()).toBe(1795230736100 - 10_000);
    expect(endOf({}, { successMeansTalk: false })).toEqual(["ended 0 NORMAL_CLEARING @4"]);
  });

  test("tags that come back name our call, others' do not", () => {
    const refOf = (name: string) => read(channel, { kind: "any", body: fixtureBytes(name) })[0]?.ref;
    const theirs = { providerCallId: "job-103415908907600001", providerJobId: "job-103415908907600001" };
    const legs = { agent: "13800000001", customer: "13900000002" };
    expect(refOf("status-dialing")).toEqual({ callId: "call_20261121_k3v9q2a8d7f6s5m4", attempt: 1, ...theirs, legs });
    expect(refOf("dialing")).toEqual({ ...theirs, legs });
    // Only where a call begins: later news may be of an earlier call between the same two.
    expect(refOf("released-b")).toEqual(theirs);
  });

  test("a list of messages is as many deliveries, what is no list of messages is one", async () => {
    const split = async (body: string) => {
      const request = { method: "POST", kind: "", query: {}, headers: {}, body: new TextEncoder().encode(body) };
      return (await channel.webhook?.(request, never()))?.deliveries.map(({ kind }) => kind);
    };
    const [dialing, ringing] = ["dialing", "ringing-a"].map((name) => Buffer.from(fixtureBytes(name)).toString());
    expect(await split(`[${dialing},${ringing}]`)).toEqual(["Dialing", "Ringing"]);
    expect(await split(dialing ?? "")).toEqual(["Dialing"]);
    const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
    for (const odd of [
      "",
      "nonsense",
      "[1]",
      "null",
      `[${deep}]`,
      `[{"eventType":${deep}}]`,
      `[${"{},".repeat(300)}{}]`,
    ]) {
      expect(await split(odd)).toEqual(["event"]);
    }
    // A message cannot pass for the answer to a question.
    expect(await split('{"eventType":"cdr"}')).toEqual(["event"]);
  });
});

test("a config names its wrong field, and never its value", () => {
  const good = { accessKeyId, accessKeySecret, instanceId };
  expect(aliyun.config.parse(good)).toMatchObject({ baseUrl: "https://ccc.cn-shanghai.aliyuncs.com", news: "pushed" });
  for (const [field, value] of [
    ["baseUrl", "ftp://not-a-value.example"],
    ["accessKeyId", "not a value"],
    ["accessKeySecret", "nope"],
    ["instanceId", "not/a/value"],
    ["news", "not-a-value"],
  ]) {
    const result = aliyun.config.safeParse({ ...good, [String(field)]: value });
    expect(result.error?.issues.map(({ path }) => path)).toEqual([[String(field)]]);
    expect(JSON.stringify(result.error?.issues)).not.toContain(String(value));
  }
});
