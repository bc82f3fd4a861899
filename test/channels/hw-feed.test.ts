/** The feed of records, the account's quota, the console's callback: what is asked, and what is never skipped. */
import { describe, expect, test } from "bun:test";
import type { Channel } from "../../channels/contract.ts";
import { type HwProvider, type HwProviderOptions, startHwProvider } from "../../channels/hw/fake.ts";
import { hw } from "../../channels/hw/index.ts";
import { appKey, appSecret, orderTo, startHwHarness } from "./hw-harness.ts";
import { channelOf, never, read } from "./line.ts";

const harness = await startHwHarness();
const wish = { notifyUrl: "http://127.0.0.1:9/", record: false };

interface Clocked {
  far: HwProvider;
  channel: Channel;
  advance(minutes: number): void;
  place(count: number): Promise<string[]>;
}

/** Far side and channel on one clock. Calls end at once in real time. */
async function startClocked(options: HwProviderOptions = {}, config: object = {}): Promise<Clocked> {
  let time = Date.parse("2026-11-21T03:12:00Z");
  let made = 0;
  const far = await startHwProvider({ accounts: { [appKey]: appSecret }, now: () => time, speed: 5_000, ...options });
  const whole = { apiBaseUrl: far.url, tokenBaseUrl: far.url, appKey, appSecret, ...config };
  const clocked = channelOf(harness, { now: () => new Date(time) }, whole);
  return {
    far,
    channel: clocked,
    advance(minutes) {
      time += minutes * 60_000;
    },
    async place(count) {
      made += count;
      const orders = Array.from({ length: count }, (_, n) => orderTo("+8613900000003", 1_001 + made - count + n, wish));
      await Promise.all(orders.map((order) => clocked.place(order, never())));
      return orders.map(({ callId }) => callId);
    },
  };
}

async function ended(far: HwProvider): Promise<void> {
  for (let wait = 0; wait < 400 && far.running > 0; wait += 1) await Bun.sleep(5);
  expect(far.running).toBe(0);
}

interface Round {
  ids: string[];
  cursor: string;
  pages: number;
}

/** Polls until a round is over; the call ids of what came, repetitions included. */
async function readRound(channel: Channel, from: string | null): Promise<Round> {
  const ids: string[] = [];
  let cursor = from;
  for (let pages = 1; pages < 200; pages += 1) {
    const batch = await channel.poll?.(cursor, never());
    if (!batch) break;
    for (const delivery of batch.deliveries) ids.push(read(channel, delivery)[0]?.ref.callId ?? "");
    cursor = batch.cursor;
    if (JSON.parse(cursor).page === null) return { ids, cursor, pages };
  }
  throw new Error("the round has no end");
}

describe("the feed of records", () => {
  test("pages of a hundred, one request each, nothing missing, nothing twice", async () => {
    const { far, channel, place } = await startClocked();
    const placed = await place(230);
    await ended(far);
    const before = far.requests.queryCallDetailRecord ?? 0;
    const { ids, pages } = await readRound(channel, null);
    expect(ids.toSorted()).toEqual(placed.toSorted());
    expect(pages).toBe(3);
    expect((far.requests.queryCallDetailRecord ?? 0) - before).toBe(3);
  });

  test("what is read again in the overlap is not handed over again, once the cursor proves that it was stored", async () => {
    const { far, channel, place, advance } = await startClocked();
    await place(5);
    await ended(far);
    const first = await readRound(channel, null);
    advance(1);
    const [later] = await place(1);
    await ended(far);
    expect((await readRound(channel, first.cursor)).ids).toEqual([later ?? ""]);
  });

  test("a batch that was not stored is handed over again, and so is all to another instance", async () => {
    const { far, channel, place } = await startClocked();
    const placed = await place(5);
    await ended(far);
    expect((await readRound(channel, null)).ids.toSorted()).toEqual(placed);
    const second = await readRound(channel, null);
    expect(second.ids.toSorted()).toEqual(placed);
    const elsewhere = channelOf(
      harness,
      { now: () => new Date("2026-11-21T03:13:00Z") },
      { apiBaseUrl: far.url, tokenBaseUrl: far.url, appKey, appSecret },
    );
    expect((await readRound(elsewhere, second.cursor)).ids.toSorted()).toEqual(placed);
  });

  test("a record that appears late, within the overlap, is read", async () => {
    const { far, channel, place, advance } = await startClocked();
    far.script("13900000003", { cdrLateMs: 150 });
    const placed = await place(2);
    await ended(far);
    let { ids, cursor } = await readRound(channel, null);
    expect(ids).toEqual([]);
    advance(9);
    await Bun.sleep(200);
    ({ ids, cursor } = await readRound(channel, cursor));
    expect(ids.toSorted()).toEqual(placed);
  });

  test("a long call's record, listed by its start, is found by the hour's deep round", async () => {
    const { far, channel, place, advance } = await startClocked({ cutBy: "start", speed: 50 });
    far.script("13900000003", { ending: "answered", talkSeconds: 10 });
    const placed = await place(1);
    await Bun.sleep(50);
    let { cursor } = await readRound(channel, null);
    advance(30);
    ({ cursor } = await readRound(channel, cursor));
    advance(20);
    await ended(far);
    const near = await readRound(channel, cursor);
    expect(near.ids).toEqual([]);
    advance(15);
    const deep = await readRound(channel, near.cursor);
    expect(deep.ids).toEqual(placed);
    cursor = deep.cursor;
    expect((await readRound(channel, cursor)).ids).toEqual([]);
  });

  test("after a rest of three weeks every window is at most seven days, and none is skipped", async () => {
    const { far, channel, place, advance } = await startClocked({ cutBy: "end" });
    const { cursor: begun } = await readRound(channel, null);
    const placed: string[] = [];
    for (let week = 0; week < 3; week += 1) {
      advance(7 * 24 * 60);
      placed.push(...(await place(1)));
      await ended(far);
    }
    const found = new Set<string>();
    let cursor = begun;
    for (let round = 0; round < 5; round += 1) {
      const read = await readRound(channel, cursor);
      for (const id of read.ids) found.add(id);
      cursor = read.cursor;
    }
    expect([...found].toSorted()).toEqual(placed);
  });

  test("a doubled record, a cursor of another version, and an empty list harm nothing", async () => {
    const { far, channel, place } = await startClocked();
    expect((await readRound(channel, null)).ids).toEqual([]);
    far.script("13900000003", { jumbled: true });
    const [id] = await place(1);
    await ended(far);
    await Bun.sleep(20);
    expect(new Set((await readRound(channel, "v0:17")).ids)).toEqual(new Set([id ?? ""]));
  });

  test("a failing page moves nothing: the same cursor goes on where it was", async () => {
    const { far, channel, place } = await startClocked();
    const placed = await place(120);
    await ended(far);
    const first = await channel.poll?.(null, never());
    far.failNext("queryCallDetailRecord", "garbage");
    await expect(channel.poll?.(first?.cursor ?? null, never())).rejects.toMatchObject({ kind: "garbled" });
    const rest = await readRound(channel, first?.cursor ?? null);
    const ids = (first?.deliveries ?? []).map((one) => read(channel, one)[0]?.ref.callId ?? "");
    expect([...ids, ...rest.ids].toSorted()).toEqual(placed.toSorted());
  });
});

describe("within the account's quota", () => {
  test("one query per call, at most ten at a time", async () => {
    let running = 0;
    let most = 0;
    const fetch = async (request: Request) => {
      running += 1;
      most = Math.max(most, running);
      return globalThis.fetch(request).finally(() => {
        running -= 1;
      });
    };
    const counted = channelOf(harness, { fetch });
    const calls = Array.from({ length: 25 }, (_, index) => ({
      callId: `call_20261121_${index}`,
      attempt: 1,
      providerCallId: String(index),
      providerJobId: null,
      sentAt: new Date(),
    }));
    const before = harness.far.requests.queryCallState ?? 0;
    const answers = (await counted.follow?.(calls, never())) ?? [];
    expect(answers).toHaveLength(25);
    expect((harness.far.requests.queryCallState ?? 0) - before).toBe(25);
    expect(most).toBe(10);
    expect(hw.quota(hw.config.parse({ appKey, appSecret })).followBatchMax).toBe(1);
  });

  test("the far side counts what is beyond an account's quota, and says so", async () => {
    const { far, channel } = await startClocked({ perMinuteMax: 3 });
    for (let n = 0; n < 3; n += 1) await channel.probe(never());
    await expect(channel.probe(never())).rejects.toMatchObject({ kind: "limited", code: "http-429" });
    expect(far.door.overQuota).toBe(1);
  });
});

test("the console's connect callback arrives and joins the call", async () => {
  const pushed: Uint8Array[] = [];
  const channel = channelOf(harness);
  const receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = await request.bytes();
      pushed.push(body);
      const taken = await channel.webhook?.({ method: "POST", kind: "", query: {}, headers: {}, body }, never());
      return new Response(taken?.reply.body, { headers: { "content-type": taken?.reply.contentType ?? "" } });
    },
  });
  for (const pushFormat of ["json", "map"] as const) {
    const { far, place } = await startClocked({ connectUrl: receiver.url.href, pushFormat, answersAll: true });
    const [id] = await place(1);
    await ended(far);
    await Bun.sleep(30);
    const body = pushed.pop() ?? new Uint8Array();
    expect(read(channel, { kind: "push", body })).toMatchObject([{ kind: "connected", ref: { callId: id ?? "" } }]);
    expect(far.pushesLost).toBe(0);
    await far.stop();
  }
  await receiver.stop(true);
});
