/** What a described line keeps or lets through beside its requests: tokens, proofs, recordings. */
import { afterAll, expect, test } from "bun:test";
import { examples } from "../../channels/custom/far/examples.ts";
import { custom } from "../../channels/custom/index.ts";
import { failure } from "./checks/check.ts";
import { account, secret, startCustomHarness } from "./custom-harness.ts";
import { orderTo } from "./fake-harness.ts";
import { phone } from "./harness.ts";
import { never, read, withLine } from "./line.ts";

const now = new Date("2026-11-21T02:03:04.567Z");
const line = { baseUrl: "https://api.example.com/base/", account, secret };
const yes = { yes: { path: "/code", values: ["0"] } };
const order = () =>
  orderTo(phone("+8613912345678"), 1, { notifyUrl: "https://us.example/hook", record: true, maxDurationSeconds: 60 });

test("a token is fetched once for all, again near its end, and anew once it is refused", async () => {
  let clock = now.getTime();
  const asked: string[] = [];
  let tokens = 0;
  const fetch = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    asked.push(`${pathname} ${request.headers.get("x-token") ?? ""}`.trim());
    if (pathname !== "/token")
      return Response.json({ code: tokens === 2 ? 1001 : 0 }, { status: tokens === 2 ? 401 : 200 });
    tokens += 1;
    return Response.json({ code: 0, token: `t${tokens}` });
  };
  const config = {
    ...line,
    refusals: examples.json.refusals,
    headers: { "x-token": "{token}" },
    token: {
      baseUrl: "https://login.example.com",
      request: { path: "/token" },
      answer: yes,
      token: "/token",
      lifetimeSeconds: 100,
    },
    place: { request: { path: "/place" }, answer: yes },
  };
  const tools = { fetch, now: () => new Date(clock), randomId: () => "n" };
  const channel = custom.create(custom.config.parse(config), tools);
  await Promise.all([channel.place(order(), never()), channel.place(order(), never())]);
  clock += 79_000;
  await channel.place(order(), never());
  clock += 2_000;
  const refused = await failure(channel.place(order(), never()), "an expired token");
  expect([refused.kind, refused.effect]).toEqual(["unauthorized", "none"]);
  await channel.place(order(), never());
  const base = "/base/place";
  expect(asked).toEqual([
    "/token",
    `${base} t1`,
    `${base} t1`,
    `${base} t1`,
    "/token",
    `${base} t2`,
    "/token",
    `${base} t3`,
  ]);
  await channel.close();
});

test("a token that cannot be had has no effect", async () => {
  const token = { request: { path: "/token" }, answer: yes, token: "/token" };
  let asked = 0;
  const fetch = async (): Promise<Response> => {
    asked += 1;
    return new Response("", { status: 502 });
  };
  const config = custom.config.parse({ ...line, token, place: { request: { path: "/place" }, answer: yes } });
  const channel = custom.create(config, { fetch, now: () => now, randomId: () => "n" });
  expect((await failure(channel.place(order(), never()), "place")).effect).toBe("none");
  expect(asked).toBe(1);
});

const harness = await startCustomHarness("json");
afterAll(() => harness.far.stop());

test("a nonce is taken once, an old time not at all, and a changed body neither", async () => {
  const outgoing: (() => Request)[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const { url, method, headers } = request;
    const body = await request.text();
    const again = () => new Request(url, { method, headers, body });
    outgoing.push(again);
    return harness.tools.fetch(again());
  };
  const place = (now: () => Date) =>
    harness.definition
      .create(harness.definition.config.parse(harness.config), { ...harness.tools, fetch, now })
      .place(harness.scripted({}), never());
  await place(() => new Date());
  const [repeated] = outgoing;
  if (repeated === undefined) throw new Error("nothing was sent");
  const again = await harness.tools.fetch(repeated());
  expect(again.status).toBe(401);
  const old = await failure(
    place(() => new Date(Date.now() - 301_000)),
    "an old time",
  );
  expect([old.kind, old.effect]).toEqual(["unauthorized", "none"]);
  const tampering = async (request: Request): Promise<Response> => {
    const body = (await request.text()).replace("86138", "86137");
    return fetch(new Request(request.url, { method: "POST", headers: request.headers, body }));
  };
  const channel = harness.definition.create(harness.definition.config.parse(harness.config), {
    ...harness.tools,
    fetch: tampering,
  });
  expect((await failure(channel.place(harness.scripted({}), never()), "a changed body")).kind).toBe("unauthorized");
});

test("a recording is fetched from the API's host and those named, and nowhere else", async () => {
  const asked: string[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    asked.push(`${request.url} ${request.headers.get("x-key")}`);
    return new Response("sound", { headers: { "content-type": "audio/mpeg" } });
  };
  const recording = { hosts: ["records.example.com"], headers: { "x-key": "{secret}" }, query: { k: "{account}" } };
  const config = custom.config.parse({
    ...line,
    place: { request: {}, answer: yes },
    recording,
    message: { ...examples.json.message },
  });
  const channel = custom.create(config, { fetch, now: () => now, randomId: () => "n" });
  await channel.openRecording?.("https://api.example.com/a.mp3", never());
  await channel.openRecording?.("http://b.records.example.com/a.mp3?x=1", never());
  expect(asked).toEqual([
    `https://api.example.com/a.mp3?k=${account} ${secret}`,
    `http://b.records.example.com/a.mp3?x=1&k=${account} ${secret}`,
  ]);
  for (const ref of ["https://evil.example/a", "http://evilrecords.example.com.x/", "file:///etc/passwd", "x"]) {
    const refused = await failure(channel.openRecording?.(ref, never()) ?? Promise.resolve(), ref);
    expect(refused.code).toBe("recording-host");
  }
  expect(asked.length).toBe(2);
});

test("pushes that prove nothing are refused, and none of them is kept", () =>
  withLine(harness, async (line) => {
    const order = line.order("a-busy");
    harness.far.script(order.customer.reveal(), { ending: "a-busy", wrongProof: true });
    const before = harness.far.pushesLost;
    await line.place(order);
    // A is called, hung up, and the record.
    while (harness.far.pushesLost < before + 3) await Bun.sleep(10);
    expect([line.pushes.length, line.deliveries.length]).toEqual([3, 0]);
  }));

test("a message without any id names its call by both numbers; one with neither is refused", async () => {
  const message = { agent: "/a", customer: "/b", state: ["/s"], states: { over: ["ended"] } };
  const push = { auth: "address-token", format: "form" };
  const config = custom.config.parse({ ...line, message, push, place: { request: {}, answer: yes } });
  const channel = custom.create(config, { fetch, now: () => now, randomId: () => "n" });
  const delivery = (body: string) => ({ kind: "push", body: new TextEncoder().encode(body) });
  expect(read(channel, delivery("a=13800000001&b=13900000002&s=over"))).toMatchObject([
    { kind: "ended", closeType: 255, ref: { legs: { agent: "13800000001", customer: "13900000002" } } },
    { kind: "unrecognized", raw: "over" },
  ]);
  const nameless = (async () => read(channel, delivery("a=13800000001&s=over")))();
  expect((await failure(nameless, "a message of nobody")).kind).toBe("garbled");
});
