import { expect, test } from "bun:test";
import type { CallEvent, PlacedCall } from "../../channels/contract.ts";
import { loadChannel } from "../../channels/registry.ts";
import { stringToSign } from "../../channels/tianrun/far/door.ts";
import { tianrun } from "../../channels/tianrun/index.ts";
import { canonical, cticloudSign, hmac, signedQuery } from "../../channels/tianrun/sign.ts";
import { failure } from "./checks/check.ts";
import { isOver, newsChecks } from "./checks/news.ts";
import { webhookChecks } from "./checks/webhook.ts";
import { checksFor, testChannel } from "./conformance.ts";
import { phone } from "./harness.ts";
import { brief, channelOf, never, read, withLine } from "./line.ts";
import {
  accessKeyId,
  accessKeySecret,
  enterpriseId,
  fixtureBytes,
  startTianrunHarness,
  token,
} from "./tianrun-harness.ts";

const clink = await startTianrunHarness("clink", { pushed: true });
const cticloud = await startTianrunHarness("cticloud");
const unsigned = "pushes carry no signature: the address's token, checked before, is all that proves them";
const unproved = {
  "webhook: a tampered push is refused": unsigned,
  "webhook: an unsigned push is refused": unsigned,
  "webhook: a stale push is refused": unsigned,
};
const quiet = { "news: every ending reads as product.md's table says": "no record tells that A's phone rang" };
testChannel("tianrun, clink, pushed", clink, { deviations: unproved });
const asked = await startTianrunHarness("clink");
testChannel("tianrun, clink, asked", asked, {
  // Without pushes nothing tells when a call talks, so that the suite would act on one that is over.
  checks: checksFor(asked).filter(({ name }) => !name.startsWith("control:")),
  deviations: quiet,
});
testChannel("tianrun, cticloud, asked", cticloud, { deviations: quiet });
// Fixtures bear the usual names.
const told = newsChecks.filter(({ name }) => name.startsWith("news:"));
const chosen = {
  cdr_request_unique_id: "reqId",
  cdr_end_time: "overAt",
  requestUniqueId: "rid",
  ringingTime: "rangAt",
};
const pushFields = { requestId: ["reqId", "rid"], end: ["overAt"], ringing: ["rangAt"] };
testChannel(
  "tianrun, cticloud, pushed as JSON under names that the enterprise chose",
  await startTianrunHarness("cticloud", { pushed: true, pushFields }, { push: { format: "json", names: chosen } }),
  { checks: [...told, ...webhookChecks], deviations: unproved },
);
testChannel(
  "tianrun, clink, pushed by GET, on an old account",
  await startTianrunHarness(
    "clink",
    { pushed: true, pathPrefix: "", trailingSlash: true },
    { push: { format: "get" }, clinkPaths: { prefix: "/", trailingSlash: true } },
  ),
  // In the address stands all that a push says.
  { checks: told },
);

const channel = channelOf(clink);
const wish = { notifyUrl: "http://127.0.0.1:9/webhook/token", record: false };
const orderOn = (harness: typeof clink) => {
  const made = harness.order("answered", wish);
  if (made === null) throw new Error("no order");
  return made;
};

test("clink's published vector, the fact sheet's, and Java's way of encoding", () => {
  const host = "api-bj.clink.cn";
  const published = { method: "GET", host, path: "/", params: { param: "value", Action: "Demo" } } as const;
  expect(canonical(published)).toBe("GETapi-bj.clink.cn/?Action=Demo&param=value");
  const now = new Date("2024-05-01T04:00:00Z");
  const stamp = { AccessKeyId: accessKeyId, Expires: "60", Timestamp: "2024-05-01T04:00:00Z" };
  const callout = canonical({ method: "POST", host, path: "/cc/callout", params: stamp });
  expect(callout).toBe(
    "POSTapi-bj.clink.cn/cc/callout?AccessKeyId=AKdemo0123456789&Expires=60&Timestamp=2024-05-01T04%3A00%3A00Z",
  );
  expect(hmac(accessKeySecret, callout)).toBe("x0XBvCZxQ98cloP9tagteMx43fw=");
  const recording = { ...stamp, mainUniqueId: "medias_1-1714536000.12", recordSide: "3" };
  const described = canonical({ method: "GET", host, path: "/cc/describe_record_file_url", params: recording });
  expect(hmac(accessKeySecret, described)).toBe("0V+T1TFuC1H4canGSS1Y9fQTSSM=");
  const odd = { name: "a b~c!d'e(f)*g+h/中" };
  const pairs = new Map(Object.entries(odd));
  expect(canonical({ method: "GET", host, path: "/x", params: odd })).toBe(stringToSign("GET", host, "/x", pairs));
  const key = { id: accessKeyId, secret: accessKeySecret };
  const query = signedQuery(key, { method: "GET", host, path: "/cc/x", params: odd }, now);
  expect(query).toEndWith(`&Signature=${encodeURIComponent(new URLSearchParams(query).get("Signature") ?? "")}`);
});

test("cti-cloud's vector", () => {
  expect(cticloudSign("7000001", "1714536000", "demotoken")).toBe("7004acf506d73a6b7ea937a6cd05f951");
});

test("the definition, and the registry's; a config without its flavor's key names the field", async () => {
  expect((await loadChannel("tianrun")) as unknown).toBe(tianrun);
  const parsed = tianrun.config.parse({ accessKeyId, accessKeySecret });
  expect([tianrun.live(parsed), tianrun.polled(parsed), tianrun.controls(parsed)]).toEqual([
    "none",
    true,
    ["hold", "resume", "transfer"],
  ]);
  expect(tianrun.honours(tianrun.config.parse({ accessKeyId, accessKeySecret, recorded: false }))).toEqual([
    "displayNumber",
  ]);
  const missing = (config: object) =>
    tianrun.config.safeParse(config).error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  expect(missing({ accessKeyId })).toEqual(["accessKeySecret: required by clink"]);
  expect(missing({ flavor: "cticloud", token })).toEqual(["enterpriseId: required by cticloud"]);
  expect(channelOf(cticloud).control).toBeUndefined();
  expect(channelOf(cticloud).webhook).toBeUndefined();
});

test("what leaves for clink: national numbers, our request twice, waits within the allowed", async () => {
  const seen: unknown[] = [];
  const fetch = async (request: Request) => {
    seen.push(await request.json(), new URL(request.url).pathname);
    return Response.json({ requestId: "f8b1", result: {} });
  };
  const spied = channelOf(clink, { fetch }, { ...clink.config, ringAgentPhone: true });
  const order = { ...orderOn(clink), attempt: 2, record: true, ringTimeoutSeconds: 90 };
  const request = `${order.callId}_2r`;
  expect(await spied.place(order, never())).toEqual({ providerCallId: request, providerJobId: order.agent.seat });
  expect(seen).toEqual([
    {
      cno: order.agent.seat,
      customerNumber: order.customer.national(),
      bindTel: order.agent.phone?.national(),
      clid: order.displayNumber?.national(),
      clientTimeout: 60,
      customerTimeout: 60,
      requestUniqueId: request,
      userField: encodeURIComponent(JSON.stringify({ request })),
    },
    "/cc/callout",
  ]);
});

test("what leaves for cti-cloud: a form, so that no number stands in an address", async () => {
  const seen: unknown[] = [];
  const fetch = async (request: Request) => {
    seen.push(Object.fromEntries(new URLSearchParams(await request.text())), request.url);
    return Response.json({ result: 0 });
  };
  const order = { ...orderOn(cticloud), displayNumber: null };
  const department = { ...cticloud.config, validateType: "department" };
  await channelOf(cticloud, { fetch, now: () => new Date(1_714_536_000_000) }, department).place(order, never());
  expect(seen).toEqual([
    {
      cno: order.agent.seat,
      tel: order.customer.national(),
      timeout: "60",
      dialTelTimeout: "60",
      requestUniqueId: `${order.callId}_1`,
      userField: `${order.callId}_1`,
      validateType: "1",
      departmentId: enterpriseId,
      timestamp: "1714536000",
      sign: cticloudSign(enterpriseId, "1714536000", token),
    },
    `${cticloud.far.url}/interface/v10/previewOutcall`,
  ]);
});

test("what cannot be asked of the provider is refused before anything leaves", async () => {
  const before = { ...clink.far.requests };
  const refusal = async (change: object) =>
    (await failure(channel.place({ ...orderOn(clink), ...change }, never()), "place")).message;
  expect(await refusal({ agent: { phone: phone("+8613800000001"), seat: null } })).toBe("refused (agent), effect none");
  expect(await refusal({ customer: phone("+12025550123") })).toBe("refused (region), effect none");
  expect(clink.far.requests).toEqual(before);
});

test.each([
  ["10001", "garbled (server, code 10001), effect unknown"],
  ["10002", "limited (rate, code 10002), effect none"],
  ["10003", "unauthorized (credentials, code 10003), effect none"],
  ["10004", "refused (instance, code 10004), effect none"],
  ["20000", "refused (parameter, code 20000), effect none"],
  ["20011", "refused (agent, code 20011), effect none"],
  ["20024", "refused (instance, code 20024), effect none"],
  ["20031", "compliance (number, code 20031), effect none"],
  ["20032", "refused (shown-number, code 20032), effect none"],
  ["20051", "compliance (frequency, code 20051), effect none"],
  ["20052", "compliance (blacklist, code 20052), effect none"],
  ["20053", "compliance (window, code 20053), effect none"],
  ["20055", "limited (concurrency, code 20055), effect none"],
  ["20101", "compliance (window, code 20101), effect none"],
  ["20102", "refused (number, code 20102), effect none"],
  ["20103", "refused (agent, code 20103), effect none"],
  ["29999", "refused (other, code 29999), effect none"],
])("cti-cloud's code %s reads: %s", async (code, message) => {
  const order = orderOn(cticloud);
  cticloud.far.script(order.customer.reveal(), { answer: "refused", code });
  const placed = channelOf(cticloud).place(order, never());
  expect((await failure(placed, "a refusal")).message).toBe(message);
});

test.each([
  [400, { error: { code: "AgentOffline" } }, "refused (other, code AgentOffline), effect none"],
  [401, { error: { code: "RequestExpired" } }, "unauthorized (credentials, code RequestExpired), effect none"],
  [429, { error: { code: "Throttled" } }, "limited (rate, code Throttled), effect none"],
  [500, { error: { code: "InternalError" } }, "garbled (server, code InternalError), effect unknown"],
  // A sentence or a long number may hold somebody's number.
  [400, { error: { code: "13800000002" } }, "refused (other, code http-400), effect none"],
  [400, { message: "no" }, "garbled (server, code http-400), effect unknown"],
  [200, { result: {} }, "garbled (server, code http-200), effect unknown"],
])("clink's answer %d %j reads: %s", async (status, body, message) => {
  const fetch = async () => Response.json(body, { status });
  const placed = channelOf(clink, { fetch }).place(orderOn(clink), never());
  expect((await failure(placed, "place")).message).toBe(message);
});

test("the far side lets in neither a stale request nor one that was changed on its way", async () => {
  const late = (ms: number) => ({ now: () => new Date(Date.now() + ms) });
  const refusal = async (harness: typeof clink, tools: object) =>
    (await failure(channelOf(harness, tools).place(orderOn(harness), never()), "place")).message;
  expect(await refusal(clink, late(-601_000))).toBe("unauthorized (credentials, code RequestExpired), effect none");
  expect(await refusal(cticloud, late(-1_801_000))).toBe("unauthorized (credentials, code 10003), effect none");
  const longer = (request: Request) => fetch(new Request(request.url.replace("Expires=600", "Expires=900"), request));
  expect(await refusal(clink, { fetch: longer })).toContain("SignatureDoesNotMatch");
  const other = async (request: Request) => {
    const form = new URLSearchParams(await request.text());
    form.set("timestamp", String(Number(form.get("timestamp")) + 1));
    return fetch(request.url, { method: "POST", body: form });
  };
  expect(await refusal(cticloud, { fetch: other })).toContain("10003");
});

const end = (events: CallEvent[]) => events.findLast((event) => event.kind === "ended");

test("a call that talks is parted, not cancelled; one that is over is left alone, and its agent with it", () =>
  withLine(clink, async (line) => {
    const order = line.order("answered");
    const placed = await line.place(order);
    const call: PlacedCall = { callId: order.callId, attempt: 1, ...placed, sentAt: new Date() };
    await line.newsOf(order, placed, (all) => all.some((event) => event.kind === "answered" && event.leg === "b"));
    await channel.hangup?.(call, never());
    expect(end(await line.newsOf(order, placed, isOver))).toMatchObject({ closeType: 0, raw: "33/200" });
    const before = clink.far.requests.unlink;
    const again = channel.hangup?.(call, never()) ?? Promise.resolve();
    expect((await failure(again, "a second hang-up")).cause).toBe("ended");
    expect(clink.far.requests.unlink).toBe(before);
  }));

test("an end whose push is lost is found by asking, with what the request brought along or without", async () => {
  for (const script of [{}, { forgetful: true }]) {
    await withLine(clink, async (line) => {
      const order = line.order("b-busy");
      clink.far.script(order.customer.reveal(), { notifyUrl: order.notifyUrl, losesEnd: true, ...script });
      const placed = await line.place(order);
      const call: PlacedCall = { callId: order.callId, attempt: 1, ...placed, sentAt: new Date() };
      for (;;) {
        const [answer] = (await channel.follow?.([call], never())) ?? [];
        if (answer !== undefined && "delivery" in answer) {
          const events = read(channel, answer.delivery);
          expect(events.map(brief)).toEqual(["calling a @4", "answered a @1", "ended 4 USER_BUSY @4", "cdr @4"]);
          expect(events[0]?.ref).toEqual({ callId: order.callId, attempt: 1, providerCallId: placed.providerCallId });
          return;
        }
        await Bun.sleep(10);
      }
    });
  }
});

test("a record that may be another call's is not taken for this one", async () => {
  const strangers = Array.from({ length: 2 }, () => ({ uniqueId: "x", statusCode: "33", userField: "" }));
  const fetch = async () => Response.json({ requestId: "f8b1", cdrObs: strangers });
  const spied = channelOf(clink, { fetch });
  const order = orderOn(clink);
  const call = { callId: order.callId, attempt: 1, providerCallId: `${order.callId}_1`, providerJobId: "2001" };
  const [answer] = (await spied.follow?.([{ ...call, sentAt: new Date() }], never())) ?? [];
  expect(answer !== undefined && "error" in answer && answer.error.cause).toBe("not-found");
  expect(await spied.find?.(order, new Date(), never())).toBe("cannot-tell");
  // One record alone, of which nothing says that it is ours, proves a running call even less.
  const one = async () => Response.json({ requestId: "f8b1", cdrObs: strangers.slice(1) });
  expect(await channelOf(clink, { fetch: one }).find?.(order, new Date(), never())).toBe("cannot-tell");
});

test("another enterprise's push is refused, one that names none is taken; the type is told by the address", async () => {
  const push = async (change: (fields: Record<string, string>) => object, kind = "8") => {
    const fields = JSON.parse(new TextDecoder().decode(fixtureBytes("push-end")));
    const body = new TextEncoder().encode(JSON.stringify(change(fields)));
    return channel.webhook?.({ method: "POST", kind, query: {}, headers: {}, body }, never());
  };
  const foreign = push((fields) => ({ ...fields, cdr_enterprise_id: "7999999" }));
  expect((await failure(foreign, "a foreign push")).kind).toBe("unauthorized");
  const nameless = await push(({ cdr_enterprise_id: _, ...fields }) => fields);
  expect(nameless?.deliveries[0]?.kind).toBe("push-8");
  expect(nameless?.reply).toEqual({ status: 200, contentType: "text/plain", body: "success" });
  expect((await push((fields) => fields, "whatever"))?.deliveries[0]?.kind).toBe("push");
});
