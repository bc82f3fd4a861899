/** 容联云通讯 through the whole service, with the app's server callbacks entered at the provider. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type RonglianProvider, startRonglianProvider } from "../../channels/ronglian/fake.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { accountSid, appId, authToken } from "./ronglian-harness.ts";

let on: TestService;
let far: RonglianProvider;
let lineId: number;
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService();
  // Tests run at any hour.
  const settings = { callingFrom: "00:00", callingUntil: "24:00" };
  expect((await on.ask("PUT", "/api/v1/settings", { body: settings })).status).toBe(200);
  on.secrets.push(authToken);
  far = await startRonglianProvider({ speed: 20 });
  const providerConfig = { baseUrl: far.url, accountSid, authToken, appId, serverCallbacks: true };
  const body = { name: "ronglian", providerType: "ronglian", providerConfig };
  lineId = (await on.ask("POST", "/api/v1/calls/lines", { body })).body.id;
  const { webhookUrl } = (await on.ask("GET", `/api/v1/calls/lines/${lineId}`)).body;
  far.addAccount(accountSid, { level: "SubAccounts", token: authToken, appId, callbackUrl: webhookUrl });
}, startTimeoutMs);
afterAll(async () => {
  await far.stop();
  await on.stop();
}, startTimeoutMs);

const dial = async (digit: number): Promise<Json> =>
  on.dial({ customerPhone: customer(digit), agent: customer(0), lineId });

test("a call is seen to be called, to be talked in and to end, and the record then corrects the times", async () => {
  const { status, body } = await dial(0);
  expect(status).toBe(200);
  const talking = await on.until(body.callId, (view) => view.status === "connected");
  expect(talking.estimated).toContain("b.answered");
  let record = await on.ended(body.callId);
  while (!record.hasCdr) {
    await on.ask("GET", `/api/v1/calls/${body.callId}/status?wait=0.05&version=${record.version}`);
    record = (await on.ask("GET", `/api/v1/calls/${body.callId}`)).body;
  }
  expect(record).toMatchObject({ state: "close", closeType: 0, answered: true, channel: "ronglian", estimated: [] });
  expect(record.bRingTime).not.toBeNull();
});

test("an app that hangs up ends the call; one whose answer was lost is known by its own news, and dialed once", async () => {
  const { body } = await dial(0);
  await on.until(body.callId, (view) => view.status !== "pending");
  expect((await on.ask("POST", "/api/v1/calls/hangup", { body: { callId: body.callId } })).status).toBe(200);
  const over = await on.ended(body.callId);
  // On a busy machine the two may talk by then.
  expect([over.closeType, over.status]).toEqual([0, over.answered ? "ended" : "missed"]);
  const lost = await dial(7);
  // Its news may be there before the dial is answered, and proves the placement as well.
  expect([200, 202]).toContain(lost.status);
  const record = await on.ended(lost.body.callId);
  expect(record).toMatchObject({ status: "ended", answered: true });
  expect(far.calls.filter((call) => call.order.userData.startsWith(lost.body.callId))).toHaveLength(1);
});
