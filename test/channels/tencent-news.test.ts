/** Codes, endings and states: what is read in them, and what CreateCallOutSession is asked. */
import { afterAll, describe, expect, test } from "bun:test";
import { loadChannel } from "../../channels/registry.ts";
import type { Script } from "../../channels/tencent/fake.ts";
import cdrNoAnswer from "../../channels/tencent/fixtures/cdr-a-no-answer.json";
import cdrCompleted from "../../channels/tencent/fixtures/cdr-completed.json";
import sessionInProgress from "../../channels/tencent/fixtures/session-in-progress.json";
import { tencent } from "../../channels/tencent/index.ts";
import { failure } from "./checks/check.ts";
import { phone } from "./harness.ts";
import { brief, channelOf, never, read } from "./line.ts";
import { orderTo, sdkAppId, secretId, secretKey, startTencentHarness } from "./tencent-harness.ts";

const harness = await startTencentHarness("none");
const channel = channelOf(harness);
afterAll(() => harness.far.stop());
const wish = { notifyUrl: "", record: false };
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
let made = 5_000;
const orderFor = (more: Parameters<typeof orderTo>[3] = {}, script: Script = {}) => {
  made += 1;
  const order = orderTo(`+861380000${made}`, made, wish, more);
  harness.far.script(`${order.callId}.${order.attempt}`, { ending: "answered", answer: "normal", ...script });
  return order;
};

describe("the definition", () => {
  const settings = { secretId, secretKey, sdkAppId };
  test("is the registry's, with the vendor's address, and records only where the application does", async () => {
    expect((await loadChannel("tencent")) as unknown).toBe(tencent);
    const parsed = tencent.config.parse(settings);
    expect(parsed).toMatchObject({ baseUrl: "https://ccc.tencentcloudapi.com", pushAuth: "none" });
    expect(tencent.accountKey(parsed)).toBe(`${sdkAppId}@ccc.tencentcloudapi.com`);
    expect(tencent.honours(parsed)).not.toContain("record");
    expect(tencent.honours({ ...parsed, recorded: true })).toContain("record");
    expect(tencent.legacyPaths).toEqual(["", "token"]);
  });
  test("a wrong field is named, its value is not", () => {
    const wrong = tencent.config.safeParse({ ...settings, secretId: "not an id 13900000000" });
    expect(wrong.error?.issues.map(({ path }) => path)).toEqual([["secretId"]]);
    expect(JSON.stringify(wrong.error?.issues)).not.toContain("13900000000");
  });
});

describe("what CreateCallOutSession is asked", () => {
  async function asked(more: Parameters<typeof orderTo>[3]) {
    const { providerCallId } = await channel.place(orderFor(more), never());
    const call = harness.far.calls.find(({ sessionId }) => sessionId.replaceAll("-", "") === providerCallId);
    return call?.order;
  }
  test("the agent's account, 0086 before numbers, our id and attempt, one shown number", async () => {
    expect(await asked({ attempt: 2, callId: "call_20261121_abcdefghij012345" })).toEqual({
      SdkAppId: sdkAppId,
      UserId: expect.stringMatching(/^agent-\d+@example\.com$/),
      Callee: expect.stringMatching(/^0086138\d{8}$/),
      Callers: ["008675500000002"],
      IsForceUseMobile: true,
      UUI: "call_20261121_abcdefghij012345.2",
    });
    expect(await asked({ displayNumber: null })).not.toHaveProperty("Callers");
    expect((await asked({ customer: phone("10086") }))?.Callee).toBe("008610086");
  });
  test("what cannot be asked is refused before anything is sent", async () => {
    const before = harness.far.requests.CreateCallOutSession;
    const refusal = async (more: Parameters<typeof orderTo>[3]) =>
      (await failure(channel.place(orderFor(more), never()), "place")).message;
    const mobile = phone("+8613800000000");
    expect(await refusal({ agent: { phone: mobile, seat: null } })).toBe("refused (agent), effect none");
    expect(await refusal({ customer: phone("+12025550123") })).toBe("refused (region), effect none");
    expect(await refusal({ displayNumber: phone("+12025550123") })).toBe("refused (shown-number), effect none");
    expect(harness.far.requests.CreateCallOutSession).toBe(before);
  });
});

test.each([
  ["FailedOperation.CallOutFailed", "refused (server, code FailedOperation.CallOutFailed), effect unknown"],
  ["FailedOperation.CalleeIsLimited", "compliance (other, code FailedOperation.CalleeIsLimited), effect none"],
  ["FailedOperation.CalleeIsBlackUser", "compliance (blacklist, code FailedOperation.CalleeIsBlackUser), effect none"],
  [
    "FailedOperation.CalloutRuleBlindArea",
    "compliance (region, code FailedOperation.CalloutRuleBlindArea), effect none",
  ],
  [
    "FailedOperation.CalloutRuleMaxCallCountCalleePerDayAppID",
    "compliance (frequency, code FailedOperation.CalloutRuleMaxCallCountCalleePerDayAppID), effect none",
  ],
  [
    "FailedOperation.CalloutRuleNotWorkTime",
    "compliance (window, code FailedOperation.CalloutRuleNotWorkTime), effect none",
  ],
  [
    "FailedOperation.CallerOverFrequency",
    "limited (shown-number, code FailedOperation.CallerOverFrequency), effect none",
  ],
  ["FailedOperation.NoCallOutNumber", "refused (shown-number, code FailedOperation.NoCallOutNumber), effect none"],
  ["FailedOperation.SeatStatusBusy", "refused (agent, code FailedOperation.SeatStatusBusy), effect none"],
  ["FailedOperation.BrandNew", "refused (other, code FailedOperation.BrandNew), effect unknown"],
  ["InternalError", "refused (server, code InternalError), effect unknown"],
  ["InternalError.DBError", "refused (server, code InternalError.DBError), effect unknown"],
  ["InvalidParameter.InstanceNotExist", "refused (instance, code InvalidParameter.InstanceNotExist), effect none"],
  ["InvalidParameter.InvalidPhoneNumber", "refused (number, code InvalidParameter.InvalidPhoneNumber), effect none"],
  ["InvalidParameterValue", "refused (parameter, code InvalidParameterValue), effect none"],
  ["InvalidParameterValue.AccountNotExist", "refused (agent, code InvalidParameterValue.AccountNotExist), effect none"],
  ["LimitExceeded.BasePackageExpired", "refused (balance, code LimitExceeded.BasePackageExpired), effect none"],
  ["OperationDenied.NotInWhiteList", "refused (instance, code OperationDenied.NotInWhiteList), effect none"],
  ["RequestLimitExceeded", "limited (rate, code RequestLimitExceeded), effect none"],
  ["RequestLimitExceeded.IPLimitExceeded", "limited (rate, code RequestLimitExceeded.IPLimitExceeded), effect none"],
  ["ResourceUnavailable", "refused (server, code ResourceUnavailable), effect unknown"],
  ["UnauthorizedOperation", "unauthorized (credentials, code UnauthorizedOperation), effect none"],
  ["UnsupportedOperation", "refused (unsupported, code UnsupportedOperation), effect none"],
  ["Unheard.Of", "refused (other, code Unheard.Of), effect unknown"],
])("the code %s reads as it should", async (code, message) => {
  const order = orderFor({}, { answer: "refused", code });
  expect((await failure(channel.place(order, never()), "a refusal")).message).toBe(message);
});

describe("how a call ended", () => {
  const base = { ...cdrCompleted, AcceptTimestamp: 0, RecordURL: "", RecordId: "" };
  const endOf = (fields: object) => {
    const events = read(channel, { kind: "cdr", body: bytes({ ...base, ...fields }) });
    const end = events.find((event) => event.kind === "ended");
    return [...events.map(brief).filter((one) => /^(end|unr)/.test(one)), end?.kind === "ended" ? end.raw : ""];
  };
  test.each([
    [1, "ok", "ended 0 NORMAL_CLEARING @4"],
    [100, "blackList", "ended 6 NETWORK_ERROR @4"],
    [108, "restrictedCallee", "ended 6 NETWORK_ERROR @4"],
    [109, "tooManyRequest", "ended 6 NETWORK_ERROR @4"],
    [110, "restrictedArea", "ended 6 NETWORK_ERROR @4"],
    [111, "restrictedTime", "ended 6 NETWORK_ERROR @4"],
    [202, "notAnswer", "ended 2 NO_ANSWER @4"],
    [203, "userReject", "ended 4 CALL_REJECTED @4"],
    [204, "powerOff", "ended 2 NO_ANSWER @4"],
    [205, "numberNotExist", "ended 2 UNALLOCATED_NUMBER @4"],
    [206, "busy", "ended 4 USER_BUSY @4"],
    [208, "operatorError", "ended 7 NETWORK_ERROR @4"],
    [209, "callerCancel", "ended 0 NORMAL_CLEARING @4"],
    [212, "carrierBlocked", "ended 7 NETWORK_ERROR @4"],
    [215, "numberInvalid", "ended 2 INVALID_NUMBER @4"],
    [221, "callerCancelWithoutRing", "ended 2 NETWORK_ERROR @4"],
    [222, "voiceMailReached", "ended 2 NO_ANSWER @4"],
  ])("%d, %s", (EndStatus, word, expected) => {
    expect(endOf({ EndStatus, EndStatusString: word })).toEqual([expected, word]);
    expect(endOf({ EndStatus, EndStatusString: undefined })).toEqual([expected, word]);
    expect(endOf({ EndStatus: undefined, EndStatusString: word })).toEqual([expected, word]);
  });
  test("a number that nobody knows ends the call too, and stands beside it", () => {
    expect(endOf({ EndStatus: 299, EndStatusString: "" })).toEqual([
      "ended 255 NETWORK_ERROR @4",
      "unrecognized @1",
      "299",
    ]);
    expect(endOf({ EndStatus: null, EndStatusString: "13900000000" }).at(-1)).toBe("other");
  });
  test("where the agent's part failed, its word decides, or the whole's where it has none", () => {
    const [agent] = cdrNoAnswer.ServeParticipants;
    const missed = (EndStatusString: string, whole: object = { EndStatus: 17, EndStatusString: "seatGiveUp" }) =>
      endOf({ RingTimestamp: 0, ...whole, ServeParticipants: [{ ...agent, EndStatusString }] })[0];
    expect(missed("notAnswer")).toBe("ended 1 NO_ANSWER @4");
    expect(missed("busy")).toBe("ended 3 USER_BUSY @4");
    expect(missed("userReject")).toBe("ended 3 CALL_REJECTED @4");
    expect(missed("", { EndStatusString: "notAnswer" })).toBe("ended 1 NO_ANSWER @4");
    expect(missed("somethingNew", { EndStatusString: "busy" })).toBe("ended 3 USER_BUSY @4");
    expect(missed("ok")).toBe("ended 1 NO_ANSWER @4");
  });
});

test("times are Unix seconds; another's call data is no id of ours", () => {
  const events = read(channel, { kind: "cdr", body: bytes(cdrCompleted) });
  expect(events.map((event) => event.at?.toISOString().slice(11, 19))).toEqual(
    ["12:01", "12:03", "12:06", "12:08", "12:11", "12:11", "12:19", "12:19", "12:19"].map((time) => `03:${time}`),
  );
  const foreign = read(channel, { kind: "cdr", body: bytes({ ...cdrCompleted, UUI: "order-42" }) });
  expect(foreign[0]?.ref).toEqual({ providerCallId: "6bb56a09278740bc80c5dc6dab783eff" });
  const recording = events.find((event) => event.kind === "recording");
  expect(recording?.kind === "recording" && recording.recordingRef).toBe("6bb56a09278740bc80c5dc6dab783eff@1795230721");
});

test("where a session's times are the agent's, nothing is said of the customer", () => {
  const other = channelOf(harness, {}, { ...harness.config, sessionTimesOf: "agent" });
  const events = read(other, { kind: "session", body: bytes(sessionInProgress) });
  expect(events.map(brief)).toEqual(["calling a @2", "ringing a @2", "answered a @2"]);
});
