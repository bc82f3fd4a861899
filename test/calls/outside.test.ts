/** A described channel's address comes from outside: the service reaches public ones, and what its operator allows. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type CustomProvider, startCustomProvider } from "../../channels/custom/fake.ts";
import { examples } from "../../channels/custom/far/examples.ts";
import { customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { virtualTime } from "../time.ts";
import { attemptsOf, endOf } from "./variant.ts";

const [account, secret] = ["outside", "secret-of-the-outside"];
let on: TestService;
let far: CustomProvider;
beforeAll(async () => {
  // Customers of real channels are called by day only.
  on = await startTestService({ clock: virtualTime(new Date("2026-11-21T02:00:00.000Z")) });
  on.secrets.push(secret);
  far = await startCustomProvider({ dialect: "json", accounts: { [account]: { secret, pushSecret: secret } } });
}, startTimeoutMs);
afterAll(async () => {
  await on.stop();
  await far.stop();
}, startTimeoutMs);

const line = () => ({
  name: "described",
  providerType: "custom",
  providerConfig: { ...examples.json, baseUrl: far.url, account, secret },
});

test("a private address is not reached, by a test or by a call, and the call fails as a definite no", async () => {
  const tried = await on.ask("POST", "/api/v1/calls/lines/test", { body: line() });
  expect([tried.status, tried.body.success]).toEqual([200, false]);
  expect(tried.body.message).toContain("not_public");
  const made = await on.ask("POST", "/api/v1/calls/lines", { body: line() });
  expect(made.status).toBe(201);
  const dialed = await on.dial({ customerPhone: customer(0), agent: "13800001234", lineId: made.body.id });
  const { callId } = dialed.body;
  expect([dialed.status, dialed.body.code]).toEqual([503, "no_line_left"]);
  const { body: record } = await on.ask("GET", `/api/v1/calls/${callId}`);
  expect(endOf(record)).toEqual(["failed", 6, "NETWORK_ERROR"]);
  expect(await attemptsOf(on, callId)).toMatchObject([{ outcome: "refused", errorCode: "not_public" }]);
  expect(far.requests).toEqual({});
});

test("a description that is wrong is told by its field when the line is made", async () => {
  const body = line();
  const place = { ...body.providerConfig.place, callId: "/nowhere" };
  const made = await on.ask("POST", "/api/v1/calls/lines", {
    body: { ...body, providerConfig: { ...body.providerConfig, place } },
  });
  expect([made.status, made.body.errors.map(({ field }: { field: string }) => field)]).toEqual([
    422,
    ["providerConfig.place.callId"],
  ]);
});
