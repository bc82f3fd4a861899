/** From a call to a signed webhook, through the running service. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { customer } from "../service.ts";
import {
  type Endpoint,
  eventually,
  type HookedService,
  startEndpoint,
  startHookedService,
  startTimeoutMs,
} from "./start.ts";

let service: HookedService;
let endpoint: Endpoint;
beforeAll(async () => {
  service = await startHookedService();
  endpoint = startEndpoint();
}, startTimeoutMs);
afterAll(async () => {
  await service.stop([endpoint]);
  await endpoint.stop();
}, startTimeoutMs);

const path = "/api/v1/subscriptions";
const subscribe = (body: object = {}, key = service.key) =>
  service.ask("POST", path, { key, body: { url: endpoint.url, events: ["*"], ...body } });

test("a call's events are pushed in order, signed, and equal the feed's", async () => {
  const start = (await service.ask("GET", "/api/v1/events?after=now")).body.next;
  const { status, body } = await subscribe();
  expect(status).toBe(201);
  service.secrets.push(body.secret);
  const lineId = await service.line();
  const customerPhone = customer(0);
  const dialed = await service.ask("POST", "/api/v1/calls/dial", {
    body: { customerPhone, agent: "13800000001", lineId },
  });
  expect(dialed.status).toBe(200);
  await eventually(() => endpoint.received.some((one) => one.body.type === "call.finalized"));
  const hook = new Webhook(body.secret);
  for (const { text, headers } of endpoint.received) expect(hook.verify(text, headers)).toEqual(JSON.parse(text));
  const versions = endpoint.received.map((one) => one.body.version);
  expect(versions).toEqual(versions.toSorted((one, other) => one - other));
  const feed = (await service.ask("GET", `/api/v1/events?after=${start}&limit=200`)).body;
  expect(feed.events).toEqual(endpoint.received.map((one) => one.body));
  expect(endpoint.received[0]?.body).toMatchObject({
    tenant: "default",
    callId: dialed.body.callId,
    type: "call.created",
  });
  const { deliveries } = (await service.ask("GET", `${path}/${body.id}/deliveries`)).body;
  await eventually(async () => {
    const waiting = await service.ask("GET", `${path}/${body.id}/deliveries?state=pending`);
    return waiting.body.deliveries.length === 0;
  });
  expect(deliveries.map(({ id }: { id: string }) => id).toReversed()).toEqual(
    feed.events.map(({ id }: { id: string }) => id),
  );
}, 60_000);

test("secrets are shown once, both sign while they are exchanged, and the official verifier refuses what is not ours", async () => {
  const mine = startEndpoint();
  const { body } = await subscribe({ url: mine.url, events: ["call.ended"], description: "订单 · orders" });
  service.secrets.push(body.secret);
  expect(body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(Object.keys(body.subscription)).not.toContain("secret");
  const rotated = await service.ask("POST", `${path}/${body.id}/rotate`);
  service.secrets.push(rotated.body.secret);
  const daysLeft = (Date.parse(rotated.body.oldUntil) - service.ctx.clock.now().getTime()) / 86_400_000;
  expect(daysLeft).toBeCloseTo(1, 2);
  const tested = await service.ask("POST", `${path}/${body.id}/test`);
  expect(tested.body).toMatchObject({ success: true, delivered: true, attempt: { status: 200, error: null } });
  const [kept] = (await service.ask("GET", `${path}/${body.id}/deliveries`)).body.deliveries;
  expect(kept).toMatchObject({ id: tested.body.deliveryId, state: "delivered", attempts: [tested.body.attempt] });
  const [sent] = mine.received;
  if (sent === undefined) throw new Error("nothing came");
  expect(sent.body).toMatchObject({ id: tested.body.deliveryId, type: "subscription.test", callId: null });
  expect(sent.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
  const [oldHook, newHook] = [new Webhook(body.secret), new Webhook(rotated.body.secret)];
  for (const hook of [oldHook, newHook]) expect(hook.verify(sent.text, sent.headers)).toEqual(sent.body);
  // Tampered, old, wrongly signed, and under another id.
  expect(() => newHook.verify(sent.text.replace("test", "tset"), sent.headers)).toThrow();
  const before = String(Number(sent.headers["webhook-timestamp"]) - 600);
  expect(() => newHook.verify(sent.text, { ...sent.headers, "webhook-timestamp": before })).toThrow();
  expect(() => newHook.verify(sent.text, { ...sent.headers, "webhook-id": "evt_1" })).toThrow();
  expect(() => new Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").verify(sent.text, sent.headers)).toThrow();
  const signed = newHook.sign(sent.body.id, new Date(Number(sent.headers["webhook-timestamp"]) * 1_000), sent.text);
  expect(sent.headers["webhook-signature"]).toStartWith(signed);
  const shown = await service.ask("GET", `${path}/${body.id}`);
  expect(shown.text).not.toContain("whsec_");
  expect(shown.body).toMatchObject({ description: "订单 · orders", pending: 0, dead: 0, health: { state: "ok" } });
  await mine.stop();
}, 60_000);

test("an address that is not public, or not an address, is refused with its reason", async () => {
  const urls = [
    "http://10.0.0.1/",
    "http://[::1]/",
    "ftp://8.8.8.8/",
    "https://u:p@8.8.8.8/",
    "http://8.8.8.8:0/",
    "x",
    "",
  ];
  for (const url of urls) {
    const made = await subscribe({ url });
    expect([url, made.status, made.body.code, made.body.errors?.[0]?.field]).toEqual([url, 422, "invalid", "url"]);
    expect(made.body.errors[0].message).toContain(" · ");
  }
  for (const wrong of [{ events: [] }, { events: ["call.rang"] }, { active: "yes" }, { secret: "x" }])
    expect((await subscribe(wrong)).status).toBe(422);
});

test("no id works with another tenant's key, and nobody hears another tenant's calls", async () => {
  const other = await service.tenant("other");
  const { id, secret } = (await subscribe({ events: ["recording.available"] })).body;
  service.secrets.push(secret);
  const [delivery] = (await service.ask("GET", `${path}/${id}/deliveries`)).body.deliveries;
  expect(delivery).toBeUndefined();
  const deliveryId = (await service.ask("POST", `${path}/${id}/test`)).body.deliveryId;
  const from = "2020-01-01T00:00:00.000Z";
  const to = "2100-01-01T00:00:00.000Z";
  const asks: [string, string, object?][] = [
    ["GET", `${path}/${id}`],
    ["PUT", `${path}/${id}`, { active: false }],
    ["DELETE", `${path}/${id}`],
    ["POST", `${path}/${id}/rotate`],
    ["POST", `${path}/${id}/test`],
    ["GET", `${path}/${id}/deliveries`],
    ["POST", `${path}/${id}/deliveries/${deliveryId}/replay`],
    ["POST", `${path}/${id}/replay`, { from, to }],
  ];
  for (const [method, address, body] of asks) {
    const answer = await service.ask(method, address, { key: other, body });
    expect([method, address, answer.status]).toEqual([method, address, 404]);
  }
  expect((await service.ask("GET", path, { key: other })).body.subscriptions).toEqual([]);
  expect((await service.ask("GET", "/api/v1/events", { key: other })).body.events).toEqual([]);
  const own = await service.ask("POST", `${path}/${id}/deliveries/${deliveryId}/replay`);
  expect(own.status).toBe(200);
  await eventually(() => endpoint.received.filter((one) => one.body.id === deliveryId).length === 2);
});

test("a subscription is changed, listed page by page, switched off and deleted", async () => {
  const { id, secret } = (await subscribe({ active: false })).body;
  service.secrets.push(secret);
  const changed = await service.ask("PUT", `${path}/${id}`, {
    body: { events: ["call.ended", "call.ended"], description: "D" },
  });
  expect(changed.body.subscription).toMatchObject({ events: ["call.ended"], description: "D", active: false });
  expect((await service.ask("PUT", `${path}/${id}`, { body: { url: "http://127.0.0.1:0/" } })).status).toBe(422);
  const refused = await service.ask("POST", `${path}/${id}/replay`, {
    body: { from: "2020-01-01T00:00:00.000Z", to: "2100-01-01T00:00:00.000Z" },
  });
  expect([refused.status, refused.body.code]).toEqual([409, "conflict"]);
  const all = (await service.ask("GET", `${path}?limit=200`)).body.subscriptions;
  const first = (await service.ask("GET", `${path}?limit=1`)).body;
  const rest = (await service.ask("GET", `${path}?limit=200&cursor=${first.next}`)).body;
  expect([...first.subscriptions, ...rest.subscriptions]).toEqual(all);
  expect((await service.ask("DELETE", `${path}/${id}`)).status).toBe(200);
  expect((await service.ask("GET", `${path}/${id}`)).status).toBe(404);
});

test("the feed goes on from its cursor, and begins anew after one that is none of ours", async () => {
  const whole = (await service.ask("GET", "/api/v1/events?limit=200")).body;
  expect(whole.events.length).toBeGreaterThan(3);
  const pages: unknown[] = [];
  for (let after = ""; ; ) {
    const page = (await service.ask("GET", `/api/v1/events?limit=2${after}`)).body;
    if (page.events.length === 0) break;
    pages.push(...page.events);
    after = `&after=${page.next}`;
  }
  expect(pages).toEqual(whole.events);
  const reset = (await service.ask("GET", "/api/v1/events?after=bm9uZQ")).body;
  expect(reset).toMatchObject({ events: [], reset: true });
  expect((await service.ask("GET", `/api/v1/events?limit=200&after=${reset.next}`)).body.events).toEqual(whole.events);
});
