/** The simulated far side itself: who may ask, and the scripts that other tests rely on. */
import { expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { startFakeProvider } from "../../channels/fake/fake.ts";
import { fake } from "../../channels/fake/index.ts";
import { sign } from "../../channels/fake/sign.ts";
import { channelNames, loadChannel } from "../../channels/registry.ts";
import { orderOf } from "./checks/check.ts";
import { account, secret, startFakeHarness } from "./fake-harness.ts";
import { channelOf, never, withLine } from "./line.ts";

const harness = await startFakeHarness({ flavour: "push", lookup: "running" });
const polled = await startFakeHarness({ flavour: "poll", lookup: "running" });
const { far } = harness;
const isOver = (events: { kind: string }[]) => events.some(({ kind }) => kind === "cdr");

async function until(condition: () => boolean): Promise<void> {
  for (let wait = 0; wait < 300 && !condition(); wait += 1) await Bun.sleep(10);
  expect(condition()).toBe(true);
}

async function ask(change: { time?: number; nonce?: string; path?: string; secret?: string } = {}): Promise<number> {
  const stamp = { time: String(change.time ?? Date.now()), nonce: change.nonce ?? randomUUID() };
  const signed = { ...stamp, method: "GET", path: "/v1/account", body: new Uint8Array() };
  const headers = {
    "x-fake-account": account,
    "x-fake-time": stamp.time,
    "x-fake-nonce": stamp.nonce,
    "x-fake-signature": sign(change.secret ?? secret, signed),
  };
  return (await fetch(far.url + (change.path ?? "/v1/account"), { headers })).status;
}

test("the far side refuses a stale time, a used nonce, another path and another secret", async () => {
  const nonce = randomUUID();
  expect(await ask({ nonce })).toBe(200);
  expect(await ask({ nonce })).toBe(401);
  expect(await ask({ time: Date.now() - 301_000 })).toBe(401);
  expect(await ask({ time: Date.now() + 301_000 })).toBe(401);
  expect(await ask({ path: "/v1/cdrs" })).toBe(401);
  expect(await ask({ secret: "wrong" })).toBe(401);
  expect((await fetch(`${far.url}/v1/account`)).status).toBe(401);
});

test("a signature written out by hand, so that both sides cannot be wrong together", () => {
  const body = new TextEncoder().encode("{}");
  const signed = { time: "1763694000000", nonce: "n-1", method: "POST", path: "/v1/calls", body };
  const text = "1763694000000\nn-1\nPOST\n/v1/calls\n{}";
  expect(sign("key", signed)).toBe(new Bun.CryptoHasher("sha256", "key").update(text).digest("hex"));
});

test("a call whose answer is lost runs once and is found", async () => {
  const order = orderOf(harness, "lost-answer");
  const channel = channelOf(harness);
  await channel.place(order, never()).catch(() => undefined);
  await until(() => far.ringsOf(order.customer.reveal()).b === 1);
  expect(far.ringsOf(order.customer.reveal())).toEqual({ a: 1, b: 1 });
  expect(await channel.find?.(order, new Date(), never())).toMatchObject({ providerJobId: null });
});

for (const answer of ["never", "garbage"] as const) {
  test(`scripted answer: ${answer}`, async () => {
    const order = orderOf(harness, "answered");
    far.script(order.callId, { answer });
    const placing = channelOf(harness).place(order, AbortSignal.timeout(150));
    await expect(placing).rejects.toMatchObject({ effect: "unknown" });
    expect(far.calls.some((call) => call.order.callRef === order.callId)).toBe(true);
  });
}

test("scripted slow answer", async () => {
  const order = orderOf(harness, "answered");
  far.script(order.callId, { answerAfterMs: 80 });
  const before = performance.now();
  await channelOf(harness).place(order, never());
  expect(performance.now() - before).toBeGreaterThan(70);
});

test("a push with a wrong signature is tried five times and given up", () =>
  withLine(harness, async (line) => {
    const order = line.order("a-busy");
    far.script(order.callId, { wrongSignature: true });
    await line.place(order);
    await until(() => line.pushes.length === 15);
    await Bun.sleep(400);
    expect(line.pushes.length).toBe(15);
    expect(line.deliveries).toEqual([]);
  }));

test("half a call goes silent after A rings, everywhere", async () => {
  for (const one of [harness, polled]) {
    await withLine(one, async (line) => {
      const order = line.order("answered");
      one.far.script(order.callId, { silentAfterRinging: true });
      const placed = await line.place(order);
      await until(() => one.far.calls.some((call) => call.callId === placed.providerCallId && call.endedAt !== null));
      const events = await line.newsOf(order, placed, (all) => all.some(({ kind }) => kind === "ringing"));
      expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(["calling", "ringing"]));
    });
  }
});

test("a lost end is still known to whoever asks", () =>
  withLine(harness, async (line) => {
    const order = line.order("a-busy");
    far.script(order.callId, { losesFinal: true });
    const placed = await line.place(order);
    await until(() => far.calls.some((call) => call.callId === placed.providerCallId && call.endedAt !== null));
    await Bun.sleep(30);
    expect(line.deliveries.length).toBe(1);
    const call = { callId: order.callId, attempt: 1, ...placed, sentAt: new Date() };
    expect(await line.channel.follow?.([call], never())).toMatchObject([{ delivery: { kind: "cdr" } }]);
  }));

test("late pushes come late; a jumbled call's come doubled, disordered and without B's ringing", () =>
  withLine(harness, async (line) => {
    const jumbled = line.order("jumbled");
    const placed = await line.place(jumbled);
    await line.newsOf(jumbled, placed, isOver);
    await until(() => line.deliveries.length === 14);
    const words = line.deliveries.map(({ body }) => {
      const { type, event, leg } = JSON.parse(new TextDecoder().decode(body));
      return type === "cdr" ? "cdr" : `${event} ${leg}`;
    });
    expect(words).not.toContain("ringing b");
    expect(new Set(words).size).toBe(7);
    expect(words.indexOf("ringing a")).toBeGreaterThan(words.indexOf("answered a"));
    const late = line.order("a-busy");
    far.script(late.callId, { lateMs: 120 });
    await line.place(late);
    await Bun.sleep(60);
    expect(line.deliveries.length).toBe(14);
    await until(() => line.deliveries.length === 17);
  }));

test("a call that nobody was dialed for says so with a cause on neverDialed", () =>
  withLine(harness, async (line) => {
    const order = line.order("answered");
    far.script(order.callId, { ending: "no-capacity" });
    const events = await line.newsOf(order, await line.place(order), isOver);
    const end = events.find((event) => event.kind === "ended");
    expect(end).toMatchObject({ closeType: 6, cause: "NETWORK_ERROR", raw: fake.neverDialed[0] });
  }));

test("an array of up to 50 messages is split, a longer one is kept whole", async () => {
  const push = (count: number) => {
    const messages = Array.from({ length: count }, (_, n) => ({ type: n % 2 === 0 ? "event" : "cdr", n }));
    const body = new TextEncoder().encode(JSON.stringify(messages));
    const stamp = { time: String(Date.now()), nonce: "a-nonce" };
    const signature = sign(secret, { ...stamp, method: "POST", path: "", body });
    const headers = {
      "x-fake-time": stamp.time,
      "x-fake-nonce": stamp.nonce,
      "x-fake-signature": signature,
    };
    return channelOf(harness).webhook?.({ method: "POST", kind: "", query: {}, headers, body }, never());
  };
  const batch = await push(50);
  expect(batch?.deliveries.map(({ kind }) => kind).slice(0, 2)).toEqual(["event", "cdr"]);
  expect(batch?.deliveries.length).toBe(50);
  expect((await push(51))?.deliveries.length).toBe(1);
});

test("a far side that has forgotten recent calls proves no absence", async () => {
  const small = await startFakeProvider({ accounts: { [account]: secret }, keepEnded: 1 });
  const channel = channelOf({ ...harness, config: { baseUrl: small.url, accountId: account, secret, speed: 1000 } });
  for (let n = 0; n < 2; n += 1) await channel.place(orderOf(harness, "a-busy"), never());
  await until(() => small.calls.length === 1);
  expect(await channel.find?.(orderOf(harness, "answered"), new Date(), never())).toBe("cannot-tell");
  await small.stop();
  await small.stop();
});

test("answersAll answers every number; the registry knows its channels", async () => {
  const config = { baseUrl: far.url, accountId: account, secret, speed: 50, answersAll: true };
  const channel = channelOf({ ...harness, config });
  const placed = await channel.place(orderOf(harness, "refused"), never());
  expect(placed.providerCallId).not.toBe("");
  expect(channelNames).toContain("fake");
  expect((await loadChannel("fake"))?.provider).toBe("fake");
  expect(await loadChannel("constructor")).toBeNull();
});
