/** How a call is followed, found and heard: what is asked of the vendor, how often, and what is never missed. */
import { afterAll, describe, expect, test } from "bun:test";
import type { Channel, PlacedCall } from "../../channels/contract.ts";
import {
  type Script,
  startTencentProvider,
  type TencentProvider,
  type TencentProviderOptions,
} from "../../channels/tencent/fake.ts";
import { failure } from "./checks/check.ts";
import { phone } from "./harness.ts";
import { brief, channelOf, never, read } from "./line.ts";
import { orderTo, sdkAppId, secretId, secretKey, startTencentHarness } from "./tencent-harness.ts";

const harness = await startTencentHarness("none");
const channel = channelOf(harness);
afterAll(() => harness.far.stop());
const wish = { notifyUrl: "", record: false };
let made = 7_000;
const orderFor = (more: Parameters<typeof orderTo>[3] = {}, script: Script = {}) => {
  made += 1;
  const order = orderTo(`+861380000${made}`, made, wish, more);
  harness.far.script(`${order.callId}.${order.attempt}`, { ending: "answered", answer: "normal", ...script });
  return order;
};
const settled = async (far: TencentProvider) => {
  while (far.running > 0) await Bun.sleep(5);
};

async function placed(order = orderFor(), at: Channel = channel): Promise<PlacedCall> {
  const { callId, attempt } = order;
  return { callId, attempt, sentAt: new Date(), ...(await at.place(order, never())) };
}

describe("live calls", () => {
  test.each([true, false])(
    "once it is over the record is read, whether its session is kept: %p",
    async (keepsFinished) => {
      const kept = await startTencentHarness("none", { keepsFinished });
      const following = channelOf(kept);
      const call = await placed(orderFor(), following);
      const kindOf = async () => {
        const [answer] = (await following.follow?.([call], never())) ?? [];
        return answer !== undefined && "delivery" in answer ? answer.delivery.kind : answer?.error.cause;
      };
      expect(await kindOf()).toBe("session");
      await settled(kept.far);
      expect(await kindOf()).toBe("cdr");
      kept.far.script("next", { losesCdr: true, ending: "a-busy" });
      const silent = await placed(orderTo("+8613800000000", 4_999, wish), following);
      await settled(kept.far);
      const [answer] = (await following.follow?.([silent], never())) ?? [];
      const told = answer !== undefined && "delivery" in answer ? read(following, answer.delivery).map(brief) : "none";
      expect(told).toEqual(keepsFinished ? ["calling a @2"] : "none");
      await kept.far.stop();
    },
  );
  test("the vendor is asked with its own spelling of an id, at most ten times at once", async () => {
    let running = 0;
    let most = 0;
    const ids = new Set<string>();
    const fetch = async (request: Request) => {
      running += 1;
      most = Math.max(most, running);
      ids.add(((await request.clone().json()) as { SessionId: string }).SessionId);
      return globalThis.fetch(request).finally(() => {
        running -= 1;
      });
    };
    const call = await placed();
    expect(call.providerJobId?.replaceAll("-", "")).toBe(call.providerCallId);
    const calls = Array.from({ length: 25 }, () => call);
    expect(await channelOf(harness, { fetch }).follow?.(calls, never())).toHaveLength(25);
    expect([...ids]).toEqual([call.providerJobId ?? ""]);
    expect(most).toBe(10);
    await channel.hangup?.(call, never());
    expect((await failure(channel.hangup?.(call, never()) ?? Promise.resolve(), "hangup")).cause).toBe("ended");
  });
  test("a rate limit is told as such", async () => {
    const limited = await startTencentHarness("none", { perSecondMax: 2 });
    const asking = channelOf(limited);
    await asking.probe(never());
    await asking.probe(never());
    expect((await failure(asking.probe(never()), "a third probe")).message).toBe(
      "limited (rate, code RequestLimitExceeded), effect none",
    );
    await limited.far.stop();
  });
});

describe("a call whose answer was lost", () => {
  const isFound = (found: unknown) => typeof found === "object" && found !== null;
  const since = (ms = 0) => new Date(Date.now() + ms);
  test("is found while it runs, on whichever page of the list", async () => {
    for (let n = 0; n < 60; n += 1) await channel.place(orderFor({}, { talkSeconds: 60 }), never());
    const order = orderFor({}, { answer: "lost", talkSeconds: 60 });
    await failure(channel.place(order, never()), "a lost answer");
    expect(await channel.find?.(order, since(), never())).toMatchObject({ providerCallId: expect.any(String) });
    const strangers = [
      { ...order, agent: { phone: null, seat: "another@example.com" } },
      { ...order, customer: phone("+8613800000001") },
    ];
    for (const one of strangers) expect(await channel.find?.(one, since(), never())).toBe("cannot-tell");
    // An earlier call of the same two is not this one.
    expect(await channel.find?.(order, since(60_000), never())).toBe("cannot-tell");
  });
  test("is found by our id once it is over, and no other attempt is", async () => {
    const order = orderFor({}, { answer: "lost", ending: "a-busy" });
    await failure(channel.place(order, never()), "a lost answer");
    while (harness.far.calls.some((call) => call.order.UserId === order.agent.seat && call.endedAt === null)) {
      await Bun.sleep(5);
    }
    expect(isFound(await channel.find?.(order, since(), never()))).toBe(true);
    expect(await channel.find?.({ ...order, attempt: 2 }, since(), never())).toBe("cannot-tell");
  });
});

test("a recording that is none, or of no form, is an error", async () => {
  const open = (ref: string) => failure(channel.openRecording?.(ref, never()) ?? Promise.resolve(), ref);
  expect((await open("../../etc/passwd")).code).toBe("ref");
  expect((await open("nobody-knows-this@1795230721")).cause).not.toBe("other");
  const call = await placed(orderFor({}, { ending: "a-busy" }));
  while (harness.far.calls.some((one) => one.play.ending === "a-busy" && one.endedAt === null)) await Bun.sleep(5);
  expect((await open(`${call.providerCallId}@${Math.floor(Date.now() / 1_000)}`)).code).toBe("no-recording");
});

describe("the feed", () => {
  async function startClocked(options: TencentProviderOptions = {}) {
    let time = Date.parse("2026-11-21T03:12:00Z");
    const now = () => time;
    const far = await startTencentProvider({
      keys: { [secretId]: secretKey },
      apps: [sdkAppId],
      now,
      speed: 5_000,
      ...options,
    });
    const fed = channelOf(harness, { now: () => new Date(time) }, { ...harness.config, baseUrl: far.url });
    return {
      far,
      fed,
      advance(minutes: number) {
        time += minutes * 60_000;
      },
      async place(count: number, customer = phone("+8613800000003")): Promise<string[]> {
        const orders = Array.from({ length: count }, () => orderFor({ customer }));
        for (const order of orders) await fed.place(order, never());
        return orders.map(({ callId }) => callId);
      },
    };
  }
  async function round(fed: Channel, from: string | null) {
    const ids: string[] = [];
    let cursor = from;
    for (let pages = 1; pages < 100; pages += 1) {
      const batch = await fed.poll?.(cursor, never());
      if (!batch) break;
      for (const delivery of batch.deliveries) ids.push(read(fed, delivery)[0]?.ref.callId ?? "");
      cursor = batch.cursor;
      if (JSON.parse(cursor).page === null) return { ids: ids.toSorted(), cursor, pages };
    }
    throw new Error("the round has no end");
  }

  test("pages of fifty, nothing missing, and what is read again is handed over once", async () => {
    const { far, fed, place, advance } = await startClocked();
    const first = await place(120);
    await settled(far);
    const one = await round(fed, null);
    expect([one.ids, one.pages]).toEqual([first, 3]);
    advance(1);
    const second = await place(1);
    await settled(far);
    expect((await round(fed, one.cursor)).ids).toEqual(second);
    // A cursor of another version, and another instance, begin anew.
    expect((await round(fed, "v0:17")).ids).toEqual([...first, ...second]);
    await far.stop();
  });
  test("a late record is read in the overlap, a long call's by the hour's deep round", async () => {
    const { far, fed, place, advance } = await startClocked({ speed: 200, cdrLateMs: 100 });
    const calls = await place(1);
    await settled(far);
    const early = await round(fed, null);
    expect(early.ids).toEqual([]);
    await Bun.sleep(150);
    advance(5);
    const near = await round(fed, early.cursor);
    expect(near.ids).toEqual(calls);
    const long = await place(1);
    await settled(far);
    advance(40);
    const next = await round(fed, near.cursor);
    advance(1);
    const passed = await round(fed, next.cursor);
    expect([...next.ids, ...passed.ids]).toEqual([]);
    await Bun.sleep(150);
    advance(30);
    const deep = await round(fed, passed.cursor);
    expect(deep.ids).toContain(long[0] ?? "");
    await far.stop();
  });
  test("after a year's rest no window is wider or older than the vendor allows", async () => {
    const { far, fed, place, advance } = await startClocked({ cutBy: "end" });
    let { cursor } = await round(fed, null);
    advance(365 * 24 * 60);
    const late = await place(1);
    await settled(far);
    const found: string[] = [];
    for (let n = 0; n < 4; n += 1) {
      const next = await round(fed, cursor);
      cursor = next.cursor;
      found.push(...next.ids);
    }
    expect(found).toEqual(late);
    await far.stop();
  });
  test("a failing page moves nothing, and no signed address is stored", async () => {
    const { far, fed, place } = await startClocked();
    await place(1, phone("+8613800000000"));
    await settled(far);
    far.failNext("DescribeTelCdr", "garbage");
    await expect(fed.poll?.(null, never())).rejects.toMatchObject({ kind: "garbled" });
    const batch = await fed.poll?.(null, never());
    const text = new TextDecoder().decode(batch?.deliveries[0]?.body);
    expect(JSON.parse(text).RecordURL).toEndWith(".wav");
    expect(text).not.toContain("sign=");
    await far.stop();
  });
});
