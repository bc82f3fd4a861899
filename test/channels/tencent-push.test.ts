/** Pushes: by which proof they are taken, in which of the two ways the console offers, and what is kept of them. */
import { afterAll, describe, expect, test } from "bun:test";
import type { RawRequest } from "../../channels/contract.ts";
import record from "../../channels/tencent/fixtures/record.json";
import { failure } from "./checks/check.ts";
import { isOver } from "./checks/news.ts";
import { webhookChecks } from "./checks/webhook.ts";
import { testChannel } from "./conformance.ts";
import { channelOf, never, read, withLine } from "./line.ts";
import { fixtures, orderTo, pushSecret, pushUser, sdkAppId, startTencentHarness } from "./tencent-harness.ts";

const oauth = await startTencentHarness("oauth");
const basic = await startTencentHarness("basic");
const none = await startTencentHarness("none");
afterAll(() => Promise.all([oauth, basic, none].map(({ far }) => far.stop())));
const hour = 3_600_000;

const bytes = (text: string) => new TextEncoder().encode(text);
const header = (user: string, secret: string) => `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`;

function push(more: Partial<RawRequest> = {}): RawRequest {
  const base = { method: "POST", kind: "", query: { action: "record", version: "1" }, headers: {} };
  return { ...base, body: bytes(JSON.stringify(record)), ...more };
}

function tokenRequest(body: string, headers: Record<string, string> = {}): RawRequest {
  return { method: "POST", kind: "token", query: {}, headers, body: bytes(body) };
}

describe("OAuth", () => {
  const channel = channelOf(oauth);
  const right = `grant_type=client_credentials&client_id=${pushUser}&client_secret=${pushSecret}`;

  async function tokenFor(request: RawRequest, at = channel): Promise<string> {
    const answer = await at.webhook?.(request, never());
    expect(answer?.deliveries).toEqual([]);
    const body = JSON.parse(answer?.reply.body ?? "{}");
    expect(body).toMatchObject({ token_type: "Bearer", expires_in: 7_200 });
    return body.access_token;
  }

  test("a token is given for the right client, by form, JSON or header, and to no other", async () => {
    const json = JSON.stringify({ client_id: pushUser, client_secret: pushSecret });
    for (const request of [
      tokenRequest(right),
      tokenRequest(json),
      tokenRequest("grant_type=client_credentials", { authorization: header(pushUser, pushSecret) }),
    ]) {
      const token = await tokenFor(request);
      const taken = await channel.webhook?.(push({ headers: { authorization: `Bearer ${token}` } }), never());
      expect(taken?.deliveries).toHaveLength(1);
    }
    for (const wrong of [right.replace(pushSecret, "wrong"), right.replace(pushUser, "wrong"), "", "{", "null"]) {
      const asked = channel.webhook?.(tokenRequest(wrong), never()) ?? Promise.resolve();
      expect((await failure(asked, "a wrong client")).kind).toBe("unauthorized");
    }
  });

  test("a token holds for two hours, on every instance, and cannot be prolonged", async () => {
    const headers = { authorization: `Bearer ${await tokenFor(tokenRequest(right))}` };
    const at = (ms: number) => channelOf(oauth, { now: () => new Date(oauth.tools.now().getTime() + ms) });
    expect((await at(2 * hour - 10_000).webhook?.(push({ headers }), never()))?.deliveries).toHaveLength(1);
    const late = at(2 * hour + 10_000).webhook?.(push({ headers }), never()) ?? Promise.resolve();
    expect((await failure(late, "an old token")).kind).toBe("unauthorized");
    const longer = headers.authorization.replace(/(\d+)\./, (_, until) => `${Number(until) + 60}.`);
    const prolonged = channel.webhook?.(push({ headers: { authorization: longer } }), never()) ?? Promise.resolve();
    expect((await failure(prolonged, "a prolonged token")).kind).toBe("unauthorized");
    const asBasic = channel.webhook?.(push({ headers: { authorization: header(pushUser, pushSecret) } }), never());
    expect((await failure(asBasic ?? Promise.resolve(), "the other way")).kind).toBe("unauthorized");
  });

  const unsigned = "pushes prove their sender by Basic or OAuth; their body is not signed";
  testChannel("tencent, pushes by OAuth", oauth, {
    checks: webhookChecks,
    deviations: {
      "webhook: a tampered push is refused": unsigned,
      "webhook: a stale push is refused": "pushes carry no time that is signed",
    },
  });
});

describe("Basic, or nothing", () => {
  test("without a set way the address alone is the proof, and no token is given", async () => {
    const channel = channelOf(none);
    const taken = await channel.webhook?.(push(), never());
    expect(taken?.reply).toEqual({ status: 200, contentType: "application/json", body: '{"ErrCode":0,"ErrMsg":""}' });
    const asked = await channel.webhook?.(tokenRequest("client_id=&client_secret="), never());
    expect(asked?.reply.body).not.toContain("access_token");
  });

  test("another application's push is refused, whoever sends it", async () => {
    const headers = { authorization: header(pushUser, pushSecret) };
    const other = bytes(JSON.stringify({ ...record, SdkAppId: sdkAppId + 1 }));
    for (const harness of [basic, none]) {
      const pushed = channelOf(harness).webhook?.(push({ headers, body: other }), never()) ?? Promise.resolve();
      expect((await failure(pushed, "another application's push")).code).toBe("SdkAppId");
    }
  });

  test("a push's own id is kept beside it, unreadable ones are kept, and no name is taken that is ours", async () => {
    const channel = channelOf(none);
    const kept = async (more: Partial<RawRequest>) => (await channel.webhook?.(push(more), never()))?.deliveries[0];
    const headers = { "x-tccc-push-uuid": "0d1b8a3e-1" };
    expect(await kept({ headers })).toMatchObject({ kind: "record", about: { pushId: "0d1b8a3e-1" } });
    expect(await kept({ headers: { "x-tccc-push-uuid": "13900000000 or so" } })).not.toHaveProperty("about");
    expect((await kept({ query: {} }))?.kind).toBe("event");
    expect((await kept({ query: { action: "session" } }))?.kind).toBe("event");
    expect((await kept({ query: { action: "videoCdr" } }))?.kind).toBe("videoCdr");
    expect(await kept({ body: bytes("no json") })).toEqual({ kind: "record", body: bytes("no json") });
  });

  test("a half of a proof is named in the settings, never shown", () => {
    const parsed = basic.definition.config.safeParse({ ...basic.config, pushSecret: undefined });
    expect(parsed.error?.issues).toMatchObject([{ path: ["pushSecret"], message: "needed for basic" }]);
  });
});

test("a call with its pushes alone: the end, and two recordings that open the same sound", () =>
  withLine(basic, async (line) => {
    const order = line.order("answered");
    const { providerCallId } = await line.place(order);
    while (line.deliveries.length < 3) await Bun.sleep(5);
    expect(line.deliveries.map(({ kind }) => kind).toSorted()).toEqual(["cdr", "record", "record"]);
    const events = line.deliveries.flatMap((delivery) => read(line.channel, delivery));
    expect(isOver(events)).toBe(true);
    const sounds = events.filter((event) => event.kind === "recording");
    for (const { recordingRef, ref } of sounds) {
      expect(ref.providerCallId).toBe(providerCallId);
      const sound = await line.channel.openRecording?.(recordingRef, never());
      expect((await new Response(sound).bytes()).length).toBe(8_044);
    }
    expect(sounds).toHaveLength(2);
  }));

test("a push that is not taken is repeated with the same id, at most three times", async () => {
  const seen: string[] = [];
  let refuse = 2;
  const receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      seen.push(`${new URL(request.url).search} ${request.headers.get("x-tccc-push-uuid")}`);
      refuse -= 1;
      return Response.json({ ErrCode: refuse >= 0 ? 1 : 0, ErrMsg: "" });
    },
  });
  const channel = channelOf(none);
  async function pushed(number: number, refusals: number): Promise<string[]> {
    refuse = refusals;
    seen.length = 0;
    none.far.setPush(receiver.url.href, { kind: "none" });
    const order = orderTo("+8613900000003", number, { notifyUrl: "", record: false });
    await channel.place(order, never());
    while (none.far.running > 0) await Bun.sleep(5);
    await Bun.sleep(250);
    return [...seen];
  }
  const third = await pushed(9_001, 2);
  expect(third).toHaveLength(3);
  expect(new Set(third).size).toBe(1);
  expect(third[0]).toStartWith("?action=cdr&version=1 ");
  expect(await pushed(9_002, 99)).toHaveLength(4);
  expect(none.far.pushesLost).toBe(1);
  await receiver.stop(true);
});

test("records, pushed and listed, name the call and the attempt", () => {
  const channel = channelOf(none);
  for (const name of ["cdr-completed", "cdr-pushed"]) {
    const found = fixtures.find((one) => one.name === name);
    const [event] = found ? read(channel, found.delivery) : [];
    expect(event?.ref).toEqual({
      callId: "call_20261121_k3v9q2a8d7f6s5m4",
      attempt: 1,
      providerCallId: "6bb56a09278740bc80c5dc6dab783eff",
    });
  }
});
