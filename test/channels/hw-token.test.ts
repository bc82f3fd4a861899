/** The token: one for all, renewed in time, never the reason for a second placement. */
import { expect, test } from "bun:test";
import { ChannelError } from "../../channels/contract.ts";
import { startHwProvider } from "../../channels/hw/fake.ts";
import { deadUrl, divertedFetch, startFault } from "./faults.ts";
import { appKey, appSecret, orderTo, startHwHarness } from "./hw-harness.ts";
import { channelOf, never } from "./line.ts";

const wish = { notifyUrl: "http://127.0.0.1:9/", record: false };
const isToken = (request: Request) => request.url.endsWith("/tokenByAkSk");

/** A far side and a channel on one clock that the test moves. */
async function startClocked(tokenSecondsMax: number) {
  let time = Date.now();
  const now = () => time;
  const far = await startHwProvider({ accounts: { [appKey]: appSecret }, now, tokenSecondsMax, speed: 50 });
  const harness = await startHwHarness();
  const config = { apiBaseUrl: far.url, tokenBaseUrl: far.url, appKey, appSecret };
  const channel = channelOf(harness, { now: () => new Date(time) }, config);
  await harness.far.stop();
  return {
    far,
    channel,
    advance(ms: number) {
      time += ms;
    },
  };
}

test("fifty at once ask for one token, and later ones use it", async () => {
  const { far, channel } = await startClocked(3_600);
  await Promise.all(Array.from({ length: 50 }, () => channel.probe(never())));
  await channel.probe(never());
  expect(far.door.issued).toBe(1);
  expect(far.requests).toMatchObject({ tokenByAkSk: 1, queryCallDetailRecord: 51 });
});

test("a token is renewed before it expires, and no request meets an expired one", async () => {
  const { far, channel, advance } = await startClocked(20);
  for (let step = 0; step < 10; step += 1) {
    await channel.probe(never());
    advance(5_000);
  }
  expect(far.requests.unauthorized ?? 0).toBe(0);
  expect(far.door.issued).toBe(3);
});

test("the vendor's 600 s are asked for and renewed a minute early", async () => {
  const { far, channel, advance } = await startClocked(3_600);
  await channel.probe(never());
  advance(539_000);
  await channel.probe(never());
  expect(far.door.issued).toBe(1);
  advance(2_000);
  await channel.probe(never());
  expect(far.door.issued).toBe(2);
});

test("a question whose token was withdrawn is asked once more with a new one", async () => {
  const { far, channel } = await startClocked(3_600);
  await channel.probe(never());
  far.failNext("queryCallDetailRecord", "expired");
  await channel.probe(never());
  expect(far.requests).toMatchObject({ unauthorized: 1, queryCallDetailRecord: 3, tokenByAkSk: 2 });
});

test("a question that is refused twice is not asked a third time", async () => {
  const { far, channel } = await startClocked(3_600);
  await channel.probe(never());
  far.failNext("queryCallDetailRecord", "expired");
  far.failNext("queryCallDetailRecord", "expired");
  await expect(channel.probe(never())).rejects.toMatchObject({ kind: "unauthorized", effect: "none" });
  expect(far.requests).toMatchObject({ unauthorized: 2, queryCallDetailRecord: 3 });
});

test("a placement whose token was withdrawn is a definite no, not sent twice; the next has a new token", async () => {
  const { far, channel } = await startClocked(3_600);
  await channel.probe(never());
  far.failNext("createCall", "expired");
  await expect(channel.place(orderTo("+8613900000000", 1, wish), never())).rejects.toMatchObject({
    kind: "unauthorized",
    effect: "none",
    cause: "credentials",
  });
  expect(far.requests.createCall).toBe(1);
  expect(far.calls).toHaveLength(0);
  await channel.place(orderTo("+8613900000000", 2, wish), never());
  expect(far.requests.createCall).toBe(2);
});

test("a renewal outlives the caller that began it", async () => {
  const { far, channel } = await startClocked(3_600);
  far.failNext("tokenByAkSk", { slowMs: 150 });
  const gaveUp = channel.probe(AbortSignal.timeout(30));
  const waited = channel.probe(never());
  await expect(gaveUp).rejects.toMatchObject({ kind: "timeout", effect: "none" });
  await waited;
  expect(far.requests.tokenByAkSk).toBe(1);
});

test("no failure to get a token has an effect, whatever it is", async () => {
  const harness = await startHwHarness();
  const order = () => orderTo("+8613900000000", 3, wish);
  const dead = divertedFetch(harness.tools.fetch, await deadUrl(), isToken);
  await expect(channelOf(harness, { fetch: dead }).place(order(), never())).rejects.toMatchObject({
    kind: "unreachable",
    effect: "none",
  });
  for (const name of ["reset", "badGateway", "garbage", "echo", "cutShort", "redirect", "mute"] as const) {
    const fault = await startFault(name);
    const fetch = divertedFetch(harness.tools.fetch, fault.url, isToken);
    const error = await channelOf(harness, { fetch })
      .place(order(), AbortSignal.timeout(200))
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ChannelError);
    expect(error).toMatchObject({ effect: "none" });
    expect(JSON.stringify(error)).not.toContain(appSecret);
    await fault.stop();
  }
  harness.far.failNext("tokenByAkSk", "limited");
  await expect(channelOf(harness).place(order(), never())).rejects.toMatchObject({ kind: "limited", effect: "none" });
  expect(harness.far.requests.createCall).toBeUndefined();
});

test("a bad secret says so, and a later right one of another instance works", async () => {
  const harness = await startHwHarness();
  const wrong = channelOf(harness, {}, harness.wrongConfig);
  await expect(wrong.probe(never())).rejects.toMatchObject({ kind: "unauthorized", cause: "credentials" });
  await expect(wrong.place(orderTo("+8613900000000", 4, wish), never())).rejects.toMatchObject({ effect: "none" });
  expect(harness.far.requests.createCall).toBeUndefined();
  await channelOf(harness).probe(never());
});

test("a closed channel waits for no token", async () => {
  const { far, channel } = await startClocked(3_600);
  far.failNext("tokenByAkSk", { slowMs: 5_000 });
  const asked = channel.probe(never());
  await Bun.sleep(20);
  await channel.close();
  await expect(asked).rejects.toMatchObject({ kind: "timeout", effect: "none" });
  await far.stop();
});
