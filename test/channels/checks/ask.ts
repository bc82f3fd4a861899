import assert from "node:assert/strict";
import type { Channel } from "../../../channels/contract.ts";
import { never, read, withLine } from "../line.ts";
import { type Check, within } from "./check.ts";
import { isOver } from "./news.ts";

/** Far sides write their records sooner. */
const latestRecordMs = 2_000;
const readTries = 3;

type Polled = Awaited<ReturnType<NonNullable<Channel["poll"]>>>;

export const followChecks: Check[] = [
  {
    name: "follow: one answer or error for each call, in any mix",
    run: (harness) =>
      withLine(harness, async ({ channel, order, place, newsOf }) => {
        const orders = [order("answered"), order("answered"), order("answered")];
        const known = await Promise.all(
          orders.map(async ({ callId, attempt }, index) => {
            const placed = await place(orders[index]!);
            if (harness.followKnows === "ended") await newsOf(orders[index]!, placed, isOver);
            return { callId, attempt, ...placed, sentAt: harness.tools.now() };
          }),
        );
        const unknown = { ...known[0]!, callId: "call_20260101_0000000000000000", providerCallId: "nobody-knows-this" };
        const asked = [known[0]!, unknown, known[1]!, known[2]!];
        const answers = (await channel.follow?.(asked, never())) ?? [];
        assert.deepEqual(answers.map(({ callId }) => callId).sort(), asked.map(({ callId }) => callId).sort());
        for (const answer of answers) assert.equal("error" in answer, answer.callId === unknown.callId);
        assert.deepEqual(await channel.follow?.([], never()), []);
      }),
  },
];

/** A record that is written between the two reads may stand anywhere among the others: then both are read again. */
async function readTwice(channel: Channel, cursor: string | null): Promise<Polled> {
  assert(channel.poll);
  for (let tries = 1; ; tries += 1) {
    const batch: Polled = await within(channel.poll(cursor, never()), "poll");
    const again: Polled = await within(channel.poll(cursor, never()), "poll");
    const same = again.deliveries.slice(0, batch.deliveries.length);
    if (tries < readTries && !Bun.deepEquals(same, batch.deliveries)) continue;
    assert.deepEqual(same, batch.deliveries);
    return batch;
  }
}

export const pollChecks: Check[] = [
  {
    name: "poll: the cursor moves on, nothing is lost, and the same cursor reads the same again",
    run: (harness) =>
      withLine(harness, async (line) => {
        const { channel } = line;
        assert(channel.poll);
        const orders = Array.from({ length: 7 }, () => line.order("a-no-answer"));
        await Promise.all(orders.map(async (order) => line.newsOf(order, await line.place(order), isOver)));
        const found = new Set<string | undefined>();
        let cursor: string | null = null;
        // Records may be written a while after their calls, and a feed that reads its last minutes again never ends.
        const giveUpAt = performance.now() + latestRecordMs;
        while (orders.some(({ callId }) => !found.has(callId)) && performance.now() < giveUpAt) {
          const batch = await readTwice(channel, cursor);
          for (const delivery of batch.deliveries) for (const { ref } of read(channel, delivery)) found.add(ref.callId);
          if (batch.deliveries.length > 0) assert.notEqual(batch.cursor, cursor, "the cursor stands still");
          cursor = batch.cursor;
          if (batch.deliveries.length === 0) await Bun.sleep(20);
        }
        for (const { callId } of orders) assert(found.has(callId), "a call is missing from the feed");
        const later = line.order("a-no-answer");
        await line.newsOf(later, await line.place(later), isOver);
        const laterBy = performance.now() + latestRecordMs;
        while (!found.has(later.callId) && performance.now() < laterBy) {
          const next: Polled = await within(channel.poll(cursor, never()), "poll");
          if (next.deliveries.length === 0) await Bun.sleep(20);
          for (const delivery of next.deliveries) for (const { ref } of read(channel, delivery)) found.add(ref.callId);
          cursor = next.cursor;
        }
        assert(found.has(later.callId), "a later call does not follow the cursor");
      }),
  },
];
