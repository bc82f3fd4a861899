/** Calls through the whole service: the fixed paths with their signature, the requirements' shape, lost answers. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHmac, randomUUID } from "node:crypto";
import { type AliyunProvider, type Script, startAliyunProvider } from "../../channels/aliyun/fake.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { accessKeyId, accessKeySecret, instanceId } from "./aliyun-harness.ts";

const webhookSecret = "the-relay-signs-with-this";
const fixed = "/api/v1/calls/webhook/aliyun";
let on: TestService;
let far: AliyunProvider;
let line: { id: number; webhookUrl: string };
setDefaultTimeout(60_000);

beforeAll(async () => {
  on = await startTestService();
  on.secrets.push(accessKeySecret, webhookSecret);
  far = await startAliyunProvider({
    accounts: { [accessKeyId]: { secret: accessKeySecret, instances: [instanceId, "ccc-asked"] } },
    subscriptions: { [instanceId]: `${on.url}${fixed}/status` },
    headersFor: (body) => signed(body),
    speed: 20,
    now: () => on.clock.now().getTime(),
  });
  // Real phones are rung by day only, and tests run at any hour.
  await on.ask("PUT", "/api/v1/settings", { body: { callingFrom: "00:00", callingUntil: "24:00" } });
  line = await lineOf({ instanceId });
}, startTimeoutMs);
afterAll(async () => {
  await far.stop();
  await on.stop();
}, startTimeoutMs);

async function lineOf(config: Json, more: Json = { webhookSecret }, key = on.key) {
  const providerConfig = {
    baseUrl: far.url,
    accessKeyId,
    accessKeySecret,
    feedPerMinute: 600,
    recorded: true,
    ...config,
  };
  const body = { name: "aliyun", providerType: "aliyun", callerNumber: "95551", providerConfig, ...more };
  const made = await on.ask("POST", "/api/v1/calls/lines", { key, body });
  if (made.status !== 201) throw new Error(`line not made: ${made.text}`);
  return (await on.ask("GET", `/api/v1/calls/lines/${made.body.id}`, { key })).body;
}

function signed(body: string, secret = webhookSecret, ageSeconds = 0): Record<string, string> {
  const time = Math.floor(on.clock.now().getTime() / 1_000) - ageSeconds;
  return {
    "x-hualu-signature": `t=${time},v1=${createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")}`,
  };
}

let agents = 0;
async function dialed(lineId: number, digit: number, script: Script = {}): Promise<{ callId: string; status: number }> {
  agents += 1;
  const customerPhone = customer(digit);
  far.script(customerPhone, script);
  const agent = `138${String(agents).padStart(8, "0")}`;
  const { status, body } = await on.ask("POST", "/api/v1/calls/dial", { body: { customerPhone, agent, lineId } });
  if (typeof body.callId !== "string") throw new Error(`not dialed: ${JSON.stringify(body)}`);
  return { callId: body.callId, status };
}

/** The record once its end and its CDR have come. */
async function whole(callId: string): Promise<Json> {
  let record = await on.ended(callId);
  while (!record.hasCdr) record = await on.until(callId, (status) => status.version > record.version);
  return record;
}

const stored = async (): Promise<number> =>
  (await on.ask("GET", "/api/v1/health/callback-log")).body.handled.deliveries;

async function pushed(path: string, message: Json, headers?: Record<string, string>): Promise<Response> {
  const body = JSON.stringify(message);
  return fetch(on.url + path, { method: "POST", headers: headers ?? signed(body), body });
}

// First of all: as long as nobody has called, nothing else is stored.
describe("what proves nothing is 401 and stored nowhere", () => {
  const message = { eventType: "Dialing", eventTime: "2026-11-21T03:12:01Z", instanceId, contactId: "job-1" };
  const body = JSON.stringify(message);

  test("on the fixed paths", async () => {
    const before = await stored();
    const others = await on.tenant("stranger");
    const theirSecret = "another-tenant-signs-with-this";
    await lineOf({ instanceId: "ccc-theirs" }, { webhookSecret: theirSecret }, others);
    const tries: [path: string, headers: Record<string, string>][] = [
      [`${fixed}/status`, {}],
      [`${fixed}/status`, signed(body, "wrong")],
      [`${fixed}/status`, signed(body, theirSecret)],
      [`${fixed}/status`, signed(body, webhookSecret, 310)],
      [`${fixed}/status`, signed(body, webhookSecret, -310)],
      [`${fixed}/status`, signed(`${body} `)],
      [`${fixed}/status`, { "x-hualu-signature": "t=1,v1=00" }],
      [`${fixed}/other`, signed(body)],
      [fixed, signed(body)],
      ["/api/v1/calls/webhook/nope/status", signed(body)],
      ["/api/v1/calls/webhook/fake/status", signed(body)],
    ];
    for (const [path, headers] of tries) {
      const answer = await pushed(path, message, headers);
      expect([path, headers, answer.status]).toEqual([path, headers, 401]);
    }
    const theirs = await pushed(`${fixed}/status`, { ...message, instanceId: "ccc-theirs" });
    expect(theirs.status).toBe(401);
    expect(await stored()).toBe(before);
    expect((await pushed(`${fixed}/status`, message)).status).toBe(200);
  });

  test("a line without a secret has only its own address, and there only its own instance", async () => {
    const bare = await lineOf({ instanceId: "ccc-bare" }, {});
    const own = { ...message, instanceId: "ccc-bare" };
    expect((await pushed(`${fixed}/status`, own)).status).toBe(401);
    const path = new URL(bare.webhookUrl).pathname;
    expect((await pushed(path, own, {})).status).toBe(200);
    expect((await pushed(path, message, {})).status).toBe(401);
  });
});

describe("pushed to the fixed path, signed with the line's secret", () => {
  test("a call is told from its first ring to its record", async () => {
    const { callId } = await dialed(line.id, 0, { recorded: true });
    const record = await whole(callId);
    expect([record.status, record.closeType, record.hangupCause, record.answered]).toEqual([
      "ended",
      0,
      "NORMAL_CLEARING",
      true,
    ]);
    expect(record.providerCallId).toBe(record.providerJobId);
    const job = far.calls.find((call) => call.jobId === record.providerCallId);
    expect(Date.parse(record.aOffhookTime)).toBe(job?.answeredAtA ?? 0);
    expect(Date.parse(record.connTime)).toBe(job?.answeredAtB ?? 0);
    expect(Date.parse(record.closeTime)).toBe(job?.endedAt ?? 0);
    expect(far.pushesLost).toBe(0);
  });

  const endings: [digit: number, ...Json[]][] = [
    [1, "missed", 1, "NO_ANSWER"],
    [2, "missed", 2, "NO_ANSWER"],
    [3, "busy", 3, "USER_BUSY"],
    [4, "busy", 4, "USER_BUSY"],
    [5, "rejected", 4, "CALL_REJECTED"],
    [9, "ended", 0, "NORMAL_CLEARING"],
  ];
  for (const [digit, ...ending] of endings) {
    test(`${digit}: ${ending.join(" ")}`, async () => {
      const record = await whole((await dialed(line.id, digit)).callId);
      expect([record.status, record.closeType, record.hangupCause]).toEqual(ending);
    });
  }

  test("hung up before both legs were joined", async () => {
    const { callId } = await dialed(line.id, 2);
    await on.until(callId, (status) => status.status === "ringing");
    expect((await on.ask("POST", "/api/v1/calls/hangup", { body: { callId } })).status).toBe(200);
    const record = await whole(callId);
    expect([record.status, record.closeType, record.hangupCause]).toEqual(["missed", 0, "NORMAL_CLEARING"]);
  });
});

test("the requirements' own shape is understood on both paths", async () => {
  const { callId } = await dialed(line.id, 0, { notifyUrl: "http://127.0.0.1:9/", losesCdr: true });
  const { providerCallId: jobId } = (await on.ask("GET", `/api/v1/calls/${callId}`)).body;
  const began = on.clock.now().getTime();
  const said = (event: string, afterMs: number, more: Json = {}) => ({
    instanceId,
    callId: `c-${randomUUID()}`,
    jobId,
    event,
    eventTime: new Date(began + afterMs).toISOString(),
    agentId: `agent@${instanceId}`,
    ...more,
  });
  for (const message of [
    said("Dialing", 0),
    said("Ringing", 500),
    said("Answered", 5_000),
    said("Released", 17_000, { releaseReason: "200 - Okay", duration: 12 }),
  ]) {
    const answer = await pushed(`${fixed}/status`, message);
    expect([answer.status, await answer.json()]).toEqual([200, { success: true }]);
  }
  const recordingUrl = "https://recordings.invalid/expired";
  const length = {
    recordingDuration: 12,
    recordingSize: 96_044,
    recordingTime: new Date(began + 20_000).toISOString(),
  };
  const answer = await pushed(`${fixed}/recording`, { instanceId, callId: jobId, recordingUrl, ...length });
  expect(answer.status).toBe(200);
  let record = await on.ended(callId);
  while (!record.hasRecording) record = await on.until(callId, (status) => status.version > record.version);
  expect([record.status, record.duration, record.recordingDuration]).toEqual(["ended", 12, 12]);
});

test("a call whose answer was lost is known by its numbers when its events come", async () => {
  const { callId, status } = await dialed(line.id, 7);
  // Its events may be there before the dial is answered, and prove the placement as well.
  expect([200, 202]).toContain(status);
  const record = await whole(callId);
  expect([record.status, record.answered]).toEqual(["ended", true]);
  const job = far.calls.find((call) => call.jobId === record.providerCallId);
  expect(far.ringsOf(job?.order.Callee ?? "")).toEqual({ a: 1, b: 1 });
});

test("another call between the same two people is not taken for one that has its id", async () => {
  const { callId } = await dialed(line.id, 0, { talkSeconds: 3_000 });
  const record = await on.until(callId, (status) => status.status === "connected");
  const { order } = far.calls.find((call) => call.jobId === record.providerCallId) ?? {};
  const eventTime = new Date(on.clock.now().getTime() - 60_000).toISOString();
  const stranger = { instanceId, contactId: "job-of-somebody-else", caller: order?.Caller, callee: order?.Callee };
  const before = (await on.ask("GET", "/api/v1/health/callback-log")).body.parked.unmatched ?? 0;
  expect((await pushed(`${fixed}/status`, { eventType: "Dialing", eventTime, ...stranger })).status).toBe(200);
  let parked = before;
  while (parked === before) parked = (await on.ask("GET", "/api/v1/health/callback-log")).body.parked.unmatched ?? 0;
  expect((await on.ask("GET", `/api/v1/calls/${callId}`)).body.aCallTime).toBe(record.aCallTime);
  await on.ask("POST", "/api/v1/calls/hangup", { body: { callId } });
  expect((await on.ended(callId)).status).toBe("ended");
});

test("without a push, events are asked for, and the record is found in the list", async () => {
  const asked = await lineOf({
    instanceId: "ccc-asked",
    news: "asked",
    followEverySeconds: 0.1,
    followPerMinute: 6_000,
  });
  const { callId } = await dialed(asked.id, 0);
  await on.until(callId, (status) => status.status === "connected");
  const record = await whole(callId);
  expect([record.status, record.closeType]).toEqual(["ended", 0]);
  const busy = await whole((await dialed(asked.id, 4)).callId);
  expect([busy.status, busy.closeType]).toEqual(["busy", 4]);
});
