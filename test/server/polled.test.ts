/** 10,000 live calls of one polled account: its quota holds, each has its turn, each end is in its record at once. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import { type HwProvider, startHwProvider } from "../../channels/hw/fake.ts";
import { rows } from "../../db/sql.ts";
import type { CallContext } from "../../src/calls/context.ts";
import { dial } from "../../src/calls/dial.ts";
import { createAccept } from "../../src/inbox/accept.ts";
import { waitingCount } from "../../src/inbox/queue.ts";
import { askProviders } from "../../src/loops/ask.ts";
import { readFeeds } from "../../src/loops/feed.ts";
import { customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { virtualTime } from "../time.ts";

const live = 10_000;
/** Not so many that a second's share is a whole number. */
const followPerMinute = 5_999;
const feedPerMinute = 12;
const roundSeconds = (60 * live) / followPerMinute;
/** As long as no call is due. */
const tickMs = 250;
const neverMs = 3_600_000;
const dialsAtOnce = 200;
const account = { appKey: "app-1", appSecret: "secret-of-the-account" };

const clock = virtualTime(new Date("2026-11-21T02:00:00.000Z"));
let on: TestService;
let far: HwProvider;
beforeAll(async () => {
  on = await startTestService({ clock, tickMs: neverMs });
  far = await startHwProvider({
    accounts: { [account.appKey]: account.appSecret },
    now: () => clock.now().getTime(),
    setTimer: clock.setTimer,
  });
  on.secrets.push(account.appSecret);
}, startTimeoutMs);
afterAll(async () => {
  await on.stop();
  await far.stop();
}, startTimeoutMs);

/** Everyone talks throughout the first round; then they end all over the second one's time, in no order of theirs. */
const talkSeconds = (call: number): number =>
  Math.ceil(roundSeconds * 1.1) + Math.floor((((call * 7) % live) * roundSeconds) / live);

test("10,000 live calls: the quota holds, each is asked once a round, each end is recorded within 10 s", async () => {
  const ctx = on.service.calls;
  await placeAll(ctx, await newLine());
  far.limit(followPerMinute + feedPerMinute);
  // Two instances, each with connections of its own: the quota is the account's.
  const instances = [ctx, { ...ctx, db: await on.database.reopen() }];
  const askers = instances.map((one) => ({ ctx: one, accept: createAccept(one, ctx.wakeDrain) }));
  while (far.calls.some((call) => call.endedAt === null || (call.askedAt.at(-1) ?? 0) < call.endedAt)) {
    clock.advance(await untilDue(ctx));
    await Promise.all(askers.map((one) => askProviders(one.ctx, one.accept)));
    await Promise.all(ctx.underway);
    await readFeeds(ctx);
    await emptied(ctx);
  }
  for (const { accept } of askers) await accept.stop();

  expect(far.calls).toHaveLength(live);
  expect([far.door.overQuota, far.requests.unauthorized ?? 0]).toEqual([0, 0]);
  expect(far.requests.queryCallDetailRecord).toBeGreaterThan(10);
  // Nobody has a second turn before everyone has had the first, nor a third before the second.
  const turns = (round: number): number[] => far.calls.flatMap(({ askedAt }) => askedAt[round] ?? []);
  for (let round = 0; round < 2; round++) {
    const [these, next] = [turns(round), turns(round + 1)];
    expect(these).toHaveLength(live);
    expect(Math.max(...these)).toBeLessThanOrEqual(Math.min(...next));
    // A full round takes what the quota makes of it, and a little for the bounds of any minute.
    expect((Math.max(...these) - Math.min(...these)) / 1_000).toBeLessThan(roundSeconds * 1.05);
  }
  expect(turns(2).length).toBeLessThan(live);
  for (const { askedAt, endedAt } of far.calls) expect(askedAt.filter((at) => at >= (endedAt ?? 0))).toHaveLength(1);

  const records = await recordsOf(ctx);
  const wrong = far.calls.filter(({ callId, askedAt, endedAt }) => {
    const record = records.get(callId);
    const told = askedAt.at(-1) ?? 0;
    const right = record?.status === "ended" && record.close_type === "0" && Number(record.closed) === endedAt;
    return !right || Number(record.updated) < told || Number(record.updated) - told > 10_000;
  });
  expect(wrong).toEqual([]);
}, 180_000);

async function newLine(): Promise<number> {
  const quota = { followPerMinute, feedPerMinute, followEverySeconds: 3 };
  const providerConfig = { apiBaseUrl: far.url, tokenBaseUrl: far.url, ...account, ...quota };
  const made = await on.ask("POST", "/api/v1/calls/lines", {
    body: { name: "hw", providerType: "hw", providerConfig },
  });
  return made.body.id;
}

/** All in one moment. What is told of their ends is told by asking alone: they are never listed. */
async function placeAll(ctx: CallContext, lineId: number): Promise<void> {
  for (let from = 0; from < live; from += dialsAtOnce) {
    const group = Array.from({ length: dialsAtOnce }, (_, index) => {
      const customerPhone = customer(0);
      far.script(customerPhone, { talkSeconds: talkSeconds(from + index), losesCdr: true });
      const request = { customerPhone, agent: customer(0), lineId, callMethod: "auto", placeWithin: 30 } as const;
      return dial(ctx, "default", request, null);
    });
    await Promise.all(group);
  }
}

/** How long until the account may be asked again, to the millisecond: no one could ask faster. */
async function untilDue(ctx: CallContext): Promise<number> {
  const found = await ctx.db.run((q) =>
    q.execute(sql`select (extract(epoch from min(due)) * 1000)::float8 as due from polls where kind = 'follow'`),
  );
  const waitMs = Math.ceil(Number(rows<{ due: string | null }>(found)[0]?.due ?? 0)) - clock.now().getTime();
  return waitMs > 0 ? waitMs : tickMs;
}

/** Until the service's own drain, woken by each answer that is stored, has handled all of them. */
async function emptied(ctx: CallContext): Promise<void> {
  while ((await ctx.db.run((q) => waitingCount(q, 1))) > 0) await Bun.sleep(1);
}

interface Row {
  provider_call_id: string;
  status: string;
  close_type: string;
  closed: string;
  updated: string;
}

/** By the provider's id; times in epoch milliseconds. */
async function recordsOf(ctx: CallContext): Promise<Map<string, Row>> {
  const found = await ctx.db.run((q) =>
    q.execute(sql`
      select provider_call_id, status, close_type, (extract(epoch from close_time) * 1000)::bigint as closed,
        (extract(epoch from updated) * 1000)::bigint as updated from call_records`),
  );
  return new Map(rows<Row>(found).map((row) => [row.provider_call_id, row]));
}
