/** Tencent's data pushes to the requirements' one path: proved as its console is set, told apart by SdkAppId. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type PushAuth, startTencentProvider, type TencentProvider } from "../../channels/tencent/fake.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { answerTo, atAnyHour, fixedPath, lineWith, pushesOf, relayed, storedBy, whole } from "./fixed.ts";

setDefaultTimeout(60_000);
const path = fixedPath("tencent");
const secretKey = "secret-key-of-tencent";
const webhookSecret = "the-relay-signs-with-this";
/** One application each: two of the first tenant, one of a stranger's. */
const apps = {
  basic: { sdkAppId: 1_400_000_001, user: "pusher", secret: "password-of-the-basic" },
  oauth: { sdkAppId: 1_400_000_002, user: "client", secret: "secret-of-the-client" },
  theirs: { sdkAppId: 1_400_000_003, user: "pusher", secret: "password-of-the-stranger" },
} as const;
type App = keyof typeof apps;

let on: TestService;
let stranger: string;
const fars: Partial<Record<App, TencentProvider>> = {};
const lines: Partial<Record<App, number>> = {};
const keyOf = (app: App): string => (app === "theirs" ? stranger : on.key);

beforeAll(async () => {
  on = await startTestService();
  stranger = await on.tenant("stranger");
  on.secrets.push(secretKey, webhookSecret, ...Object.values(apps).map(({ secret }) => secret));
  for (const key of [on.key, stranger]) await atAnyHour(on, key);
  for (const app of Object.keys(apps) as App[]) await start(app);
}, startTimeoutMs);
afterAll(async () => {
  for (const far of Object.values(fars)) await far.stop();
  await on.stop();
}, startTimeoutMs);

async function start(app: App): Promise<void> {
  const { sdkAppId, user, secret } = apps[app];
  const far = await startTencentProvider({
    keys: { key: secretKey },
    apps: [sdkAppId],
    speed: 20,
    now: () => on.clock.now().getTime(),
  });
  const pushAuth = app === "oauth" ? "oauth" : "basic";
  const auth: PushAuth =
    pushAuth === "oauth"
      ? { kind: "oauth", user, secret, tokenUrl: `${on.url}${path}/token` }
      : { kind: "basic", user, secret };
  far.setPush(on.url + path, auth);
  // Nothing else tells of an end in time: the pushes have to.
  const asked = { followEverySeconds: 600, feedPerMinute: 1 };
  const push = { pushAuth, pushUser: user, pushSecret: secret };
  const providerConfig = { baseUrl: far.url, secretId: "key", secretKey, sdkAppId, ...push, ...asked };
  const key = keyOf(app);
  const made = await lineWith(on, { providerType: "tencent", callerNumber: "95551", providerConfig }, key);
  fars[app] = far;
  lines[app] = made.id;
  const seats = { tencent: "agent@example.com" };
  const agent = { id: `agent-${app}`, name: "A", phone: customer(0), seats };
  expect((await on.ask("POST", "/api/v1/agents", { key, body: agent })).status).toBe(201);
}

async function dialed(app: App): Promise<string> {
  const body = { customerPhone: customer(0), agent: `agent-${app}`, lineId: lines[app] };
  const { status, body: said } = await on.ask("POST", "/api/v1/calls/dial", { key: keyOf(app), body });
  expect([app, status]).toEqual([app, 200]);
  return said.callId;
}

const message = (sdkAppId: number | null): string =>
  JSON.stringify({ ...(sdkAppId !== null && { SdkAppId: sdkAppId }), SessionId: "nobodys", EndStatusString: "ok" });
const basic = ({ user, secret }: { user: string; secret: string }): string =>
  `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;
const pushed = (body: string, headers: Record<string, string> = {}, kind = ""): Promise<Json> =>
  answerTo(on, `${fixedPath("tencent", kind)}?action=cdr&version=1`, { headers, body });

describe("what proves nothing gets one and the same answer, and is stored nowhere", () => {
  test("whatever it is that is missing or wrong", async () => {
    const [mine, theirs, oauth] = [apps.basic, apps.theirs, apps.oauth];
    const reference = await answerTo(on, fixedPath("nope"), { body: "{}" });
    expect([reference.status, reference.code]).toEqual([401, "unauthorized"]);
    const tries: Record<string, Promise<Json>> = {
      "no proof": pushed(message(mine.sdkAppId)),
      "a wrong password": pushed(message(mine.sdkAppId), { authorization: basic({ ...mine, secret: "wrong" }) }),
      "another tenant's password": pushed(message(mine.sdkAppId), { authorization: basic(theirs) }),
      "another tenant's account": pushed(message(theirs.sdkAppId), { authorization: basic(mine) }),
      "nobody's account": pushed(message(1_499_999_999), { authorization: basic(mine) }),
      "no account": pushed(message(null), { authorization: basic(mine) }),
      "no message": pushed("", { authorization: basic(mine) }),
      "a password in place of a token": pushed(message(oauth.sdkAppId), { authorization: basic(oauth) }),
      "a token that nobody gave": pushed(message(oauth.sdkAppId), {
        authorization: `Bearer 9999999999.${"a".repeat(43)}`,
      }),
      "a signature where there is no secret": pushed(
        message(mine.sdkAppId),
        relayed(on, message(mine.sdkAppId), webhookSecret),
      ),
      "a kind that there is not": pushed(message(mine.sdkAppId), { authorization: basic(mine) }, "other"),
      "a client that is none": pushed(
        "grant_type=client_credentials&client_id=client&client_secret=wrong",
        {},
        "token",
      ),
    };
    for (const [name, answer] of Object.entries(tries)) expect([name, await answer]).toEqual([name, reference]);
    expect(await pushesOf(on, "tencent")).toBe(0);
  });
});

describe("the far side's own pushes are taken, and the record is complete", () => {
  for (const app of Object.keys(apps) as App[]) {
    test(app, async () => {
      const callId = await dialed(app);
      const record = await whole(on, callId, keyOf(app));
      expect([record.status, record.answered, record.hasCdr]).toEqual(["ended", true, true]);
      expect(fars[app]?.pushesLost).toBe(0);
      expect(
        (await on.ask("GET", `/api/v1/calls/${callId}`, { key: app === "theirs" ? on.key : stranger })).status,
      ).toBe(404);
    });
  }

  test("two tenants stay apart: each one's push is stored for itself", async () => {
    for (const app of ["basic", "theirs"] as const) {
      const before = await storedBy(on, "tencent");
      const { status } = await pushed(message(apps[app].sdkAppId), { authorization: basic(apps[app]) });
      const owner = app === "theirs" ? "stranger" : "default";
      expect([status, await storedBy(on, "tencent")]).toEqual([200, { ...before, [owner]: (before[owner] ?? 0) + 1 }]);
    }
  });
});

test("an application without a password needs a relay that signs, or a sender that its line lists", async () => {
  const sdkAppId = 1_400_000_009;
  const providerConfig = { baseUrl: fars.basic?.url, secretId: "key", secretKey, sdkAppId };
  const { id } = await lineWith(on, { providerType: "tencent", providerConfig, webhookSecret });
  const body = message(sdkAppId);
  expect((await pushed(body)).status).toBe(401);
  expect((await pushed(body, relayed(on, body, "wrong"))).status).toBe(401);
  expect((await pushed(body, relayed(on, body, webhookSecret))).status).toBe(200);
  const change = { webhookSecret: null, webhookSenders: ["127.0.0.0/8"] };
  expect((await on.ask("PUT", `/api/v1/calls/lines/${id}`, { body: change })).status).toBe(200);
  expect((await pushed(body)).status).toBe(200);
  expect((await pushed(message(null))).status).toBe(401);
});
