/** The feed of records, and looking up a call by its numbers. */
import { describe, expect, test } from "bun:test";
import type { Channel } from "../../channels/contract.ts";
import { accessKeyId, accessKeySecret, instanceId, startAliyunHarness } from "./aliyun-harness.ts";
import { channelOf, never, read } from "./line.ts";

/** Far side and channel on one clock that the test moves. Calls end at once in real time. */
async function startClocked() {
  let time = Date.parse("2026-11-21T03:12:00Z");
  const harness = await startAliyunHarness("pushed", { now: () => time, speed: 50_000 });
  const { far } = harness;
  const config = { baseUrl: far.url, accessKeyId, accessKeySecret, instanceId };
  const open = () => channelOf(harness, { now: () => new Date(time) }, config);
  const channel = open();
  return {
    harness,
    far,
    channel,
    open,
    now: () => new Date(time),
    advance(minutes: number) {
      time += minutes * 60_000;
    },
    /** Places calls that end at once; their ids. */
    async calls(count: number) {
      const orders = Array.from({ length: count }, () => harness.scripted({ ending: "a-busy" }));
      const placed = await Promise.all(orders.map((order) => channel.place(order, never())));
      while (far.calls.some((call) => !call.isFiled)) await Bun.sleep(2);
      return placed.map(({ providerCallId }) => providerCallId);
    },
  };
}

/** Polls until a round is over; the provider's ids of what came, repetitions included. */
async function round(channel: Channel, from: string | null) {
  const ids: string[] = [];
  let cursor = from;
  for (let pages = 1; pages < 50; pages += 1) {
    const batch = await channel.poll?.(cursor, never());
    if (!batch) break;
    for (const delivery of batch.deliveries) ids.push(read(channel, delivery)[0]?.ref.providerCallId ?? "");
    cursor = batch.cursor;
    if (JSON.parse(cursor).page === null) return { ids: ids.toSorted(), cursor, pages };
  }
  throw new Error("the round has no end");
}

describe("the feed of records", () => {
  test("pages of a hundred, one request each, nothing missing, nothing twice", async () => {
    const { far, channel, calls } = await startClocked();
    const ids = await calls(230);
    const first = await round(channel, null);
    expect([first.ids, first.pages, far.requests.ListCallDetailRecordsV2]).toEqual([ids.toSorted(), 3, 3]);
    const [later = ""] = await calls(1);
    expect((await round(channel, first.cursor)).ids).toEqual([later]);
    await far.stop();
  });

  test("what was not stored is handed over again, and so is all to another instance", async () => {
    const { far, channel, open, calls } = await startClocked();
    const ids = (await calls(5)).toSorted();
    expect((await round(channel, null)).ids).toEqual(ids);
    const second = await round(channel, null);
    expect(second.ids).toEqual(ids);
    expect((await round(open(), second.cursor)).ids).toEqual(ids);
    expect((await round(channel, "a cursor of another version")).ids).toEqual(ids);
    await far.stop();
  });

  test("a call that lasted for hours is found by the hourly look back", async () => {
    const { harness, far, channel, advance, calls } = await startClocked();
    await calls(1);
    let { cursor } = await round(channel, null);
    const long = harness.scripted({ talkSeconds: 10_000_000 });
    const { providerCallId, providerJobId } = await channel.place(long, never());
    const call = { ...long, providerCallId, providerJobId, sentAt: new Date(0) };
    const found: string[] = [];
    for (let step = 0; step < 24; step += 1) {
      if (step === 18) await channel.hangup?.(call, never());
      advance(10);
      const next = await round(channel, cursor);
      found.push(...next.ids);
      cursor = next.cursor;
    }
    expect(found).toContain(providerCallId);
    await far.stop();
  });

  test("after a rest of days the rounds catch up, and nothing in between is passed over", async () => {
    const { far, channel, advance, calls } = await startClocked();
    await calls(1);
    let { cursor } = await round(channel, null);
    advance(3 * 24 * 60);
    const between = await calls(2);
    advance(2 * 24 * 60);
    const found: string[] = [];
    for (let rounds = 0; rounds < 7; rounds += 1) {
      const next = await round(channel, cursor);
      found.push(...next.ids);
      cursor = next.cursor;
    }
    expect(found.filter((id) => between.includes(id)).toSorted()).toEqual(between.toSorted());
    expect(JSON.parse(cursor).until).toBe(Date.parse("2026-11-26T03:12:00Z"));
    await far.stop();
  });
});

describe("looking a lost call up", () => {
  test("by both numbers and the time at which it began; of an earlier one, or of two, nobody can tell", async () => {
    const { harness, far, channel, now, advance } = await startClocked();
    const order = harness.scripted({ ending: "a-busy" });
    const placed = await channel.place(order, never());
    while (far.calls.some((call) => !call.isFiled)) await Bun.sleep(2);
    expect(await channel.find?.(order, now(), never())).toEqual(placed);
    const other = { ...order, agent: harness.scripted({}).agent };
    expect(await channel.find?.(other, now(), never())).toBe("cannot-tell");
    await channel.place(order, never());
    while (far.calls.some((call) => !call.isFiled)) await Bun.sleep(2);
    expect(await channel.find?.(order, now(), never())).toBe("cannot-tell");
    advance(10);
    expect(await channel.find?.(order, now(), never())).toBe("cannot-tell");
    await far.stop();
  });
});
