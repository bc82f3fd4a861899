/** Ronglian signs nothing: on the requirements' one path a relay signs, or the line lists whence pushes come. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type RonglianProvider, startRonglianProvider } from "../../channels/ronglian/fake.ts";
import { readNetwork } from "../../src/guard/addresses.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { answerTo, atAnyHour, fixedPath, lineWith, pushesOf, relayed, storedBy, whole } from "./fixed.ts";

setDefaultTimeout(60_000);
const authToken = "0123456789abcdef0123456789abcdef";
const proxy = "127.0.0.1";
const apps = {
  signed: { appId: "a".repeat(32), accountSid: "1".repeat(32), webhookSecret: "the-relay-signs-with-this" },
  theirs: { appId: "b".repeat(32), accountSid: "2".repeat(32), webhookSecret: "another-relay-signs-so" },
  listed: { appId: "c".repeat(32), accountSid: "3".repeat(32), webhookSenders: ["198.51.100.7", "2001:db8:7::/48"] },
} as const;
type App = keyof typeof apps;

let on: TestService;
let stranger: string;
const fars: Partial<Record<App, RonglianProvider>> = {};
const lines: Partial<Record<App, number>> = {};
const keyOf = (app: App): string => (app === "theirs" ? stranger : on.key);

beforeAll(async () => {
  // What connects here is a proxy, as it is where one ends TLS.
  on = await startTestService({ trustedProxies: [readNetwork(proxy)] });
  stranger = await on.tenant("stranger");
  on.secrets.push(authToken, apps.signed.webhookSecret, apps.theirs.webhookSecret);
  for (const key of [on.key, stranger]) await atAnyHour(on, key);
  for (const app of Object.keys(apps) as App[]) await start(app);
}, startTimeoutMs);
afterAll(async () => {
  for (const far of Object.values(fars)) await far.stop();
  await on.stop();
}, startTimeoutMs);

async function start(app: App): Promise<void> {
  const { appId, accountSid, ...proof } = apps[app];
  const far = await startRonglianProvider({
    speed: 20,
    now: () => on.clock.now().getTime(),
    // Between the platform and us: a relay that sends all to the one path, or a proxy that says where it is from.
    fetch: (url, init) => {
      const { body } = init;
      const kind = /\/(CallAuth|CallEstablish|Hangup)$/.exec(url)?.[1] ?? "";
      const added =
        "webhookSecret" in proof
          ? relayed(on, String(body), proof.webhookSecret)
          : { "x-forwarded-for": "203.0.113.9, 198.51.100.7" };
      const headers = { ...(init.headers as Record<string, string>), ...added };
      return fetch(on.url + fixedPath("ronglian", kind), { ...init, headers });
    },
  });
  const callbackUrl = on.url + fixedPath("ronglian");
  far.addAccount(accountSid, { level: "SubAccounts", token: authToken, appId, callbackUrl });
  const providerConfig = { baseUrl: far.url, accountSid, authToken, appId, serverCallbacks: true };
  const made = await lineWith(on, { providerType: "ronglian", providerConfig, ...proof }, keyOf(app));
  fars[app] = far;
  lines[app] = made.id;
}

const push = (appId: string | null): string =>
  JSON.stringify({
    action: "Hangup",
    type: "1",
    callSid: "c".repeat(32),
    byetype: "3",
    ...(appId !== null && { appId }),
  });
const pushed = (body: string, headers: Record<string, string> = {}, kind = ""): Promise<Json> =>
  answerTo(on, fixedPath("ronglian", kind), { headers, body });
const from = (...hops: string[]): Record<string, string> => ({ "x-forwarded-for": hops.join(", ") });

describe("what proves nothing gets one and the same answer, and is stored nowhere", () => {
  test("whatever it is that is missing or wrong", async () => {
    const { signed, theirs, listed } = apps;
    const reference = await answerTo(on, fixedPath("nope"), { body: "{}" });
    expect([reference.status, reference.code]).toEqual([401, "unauthorized"]);
    const mine = push(signed.appId);
    const tries: Record<string, Promise<Json>> = {
      "no proof": pushed(mine),
      "a wrong secret": pushed(mine, relayed(on, mine, "wrong")),
      "another tenant's secret": pushed(mine, relayed(on, mine, theirs.webhookSecret)),
      "another tenant's account": pushed(push(theirs.appId), relayed(on, push(theirs.appId), signed.webhookSecret)),
      "a signature of another message": pushed(mine, relayed(on, `${mine} `, signed.webhookSecret)),
      "no account": pushed(push(null), relayed(on, push(null), signed.webhookSecret)),
      "no message": pushed("", relayed(on, "", signed.webhookSecret)),
      "a sender that is not listed": pushed(push(listed.appId), from("198.51.100.8")),
      "a sender that only says to be listed": pushed(push(listed.appId), from("198.51.100.7", "203.0.113.9")),
      "a sender that is none": pushed(push(listed.appId), from("198.51.100.7:443")),
      "the proxy itself": pushed(push(listed.appId)),
      "a listed sender with another account": pushed(push(signed.appId), from("198.51.100.7")),
      "a listed sender with no account": pushed(push(null), from("198.51.100.7")),
      "a kind that there is not": pushed(mine, relayed(on, mine, signed.webhookSecret), "other"),
    };
    for (const [name, answer] of Object.entries(tries)) expect([name, await answer]).toEqual([name, reference]);
    expect(await pushesOf(on, "ronglian")).toBe(0);
  });
});

describe("the far side's pushes are taken, and the record is complete", () => {
  for (const app of Object.keys(apps) as App[]) {
    test(app, async () => {
      const key = keyOf(app);
      const body = { customerPhone: customer(0), agent: customer(0), lineId: lines[app] };
      const { status, body: said } = await on.ask("POST", "/api/v1/calls/dial", { key, body });
      expect(status).toBe(200);
      await on.until(said.callId, (view) => view.status === "connected", key);
      const record = await whole(on, said.callId, key);
      expect([record.status, record.answered, record.estimated]).toEqual(["ended", true, []]);
      expect(fars[app]?.pushesLost).toBe(0);
      const other = app === "theirs" ? on.key : stranger;
      expect((await on.ask("GET", `/api/v1/calls/${said.callId}`, { key: other })).status).toBe(404);
    });
  }
});

describe("two tenants that name the same account", () => {
  const appId = "d".repeat(32);
  const config = () => ({ baseUrl: fars.signed?.url, accountSid: "4".repeat(32), authToken, appId });
  const senders = { webhookSenders: ["192.0.2.0/24"] };

  test("get nothing by where a push comes from, which says not whose it is; a signature does", async () => {
    const line = { providerType: "ronglian", providerConfig: config() };
    const { webhookSecret } = apps.signed;
    await lineWith(on, { ...line, ...senders, webhookSecret });
    expect((await pushed(push(appId), from("192.0.2.1"))).status).toBe(200);
    await lineWith(on, { ...line, ...senders }, stranger);
    // Another one's line is known after at most two seconds here.
    on.clock.advance(3_000);
    expect((await pushed(push(appId), from("192.0.2.1"))).status).toBe(401);
    const before = await storedBy(on, "ronglian");
    const proof = relayed(on, push(appId), webhookSecret);
    expect((await pushed(push(appId), { ...proof, ...from("192.0.2.1") })).status).toBe(200);
    expect(await storedBy(on, "ronglian")).toEqual({ ...before, default: (before.default ?? 0) + 1 });
  });
});
