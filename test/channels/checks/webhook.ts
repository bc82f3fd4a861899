import assert from "node:assert/strict";
import type { Harness } from "../harness.ts";
import { channelOf, type Line, never, read, withLine } from "../line.ts";
import { type Check, failure } from "./check.ts";

/** Flips one bit in the middle of the body: in a digit of a time or an id, or a letter. */
function tampered(body: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(body);
  const middle = copy.length >> 1;
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

async function onePush(line: Line, harness: Harness) {
  const order = line.order("answered");
  await line.newsOf(order, await line.place(order), (events) => events.length > 0 && line.pushes.length > 0);
  const push = line.pushes[0];
  assert(push, "nothing was pushed");
  const channel = channelOf(harness);
  assert(channel.webhook);
  return { push, channel, webhook: channel.webhook.bind(channel) };
}

export const webhookChecks: Check[] = [
  {
    name: "webhook: a right push is taken and answered",
    run: (harness) =>
      withLine(harness, async (line) => {
        const { push, channel, webhook } = await onePush(line, harness);
        const { deliveries, reply } = await webhook(push, never());
        assert(deliveries.length > 0);
        for (const delivery of deliveries) {
          assert(delivery.kind !== "" && delivery.kind.length <= 32);
          assert(read(channel, delivery).length > 0);
        }
        assert(reply.status >= 200 && reply.status < 300 && reply.contentType !== "");
      }),
  },
  {
    name: "webhook: a tampered push is refused",
    run: (harness) =>
      withLine(harness, async (line) => {
        const { push, webhook } = await onePush(line, harness);
        const error = await failure(webhook({ ...push, body: tampered(push.body) }, never()), "a tampered push");
        assert.equal(error.kind, "unauthorized");
      }),
  },
  {
    name: "webhook: an unsigned push is refused",
    run: (harness) =>
      withLine(harness, async (line) => {
        const { push, webhook } = await onePush(line, harness);
        const headers = { "content-type": push.headers["content-type"] ?? "" };
        const error = await failure(webhook({ ...push, headers, query: {} }, never()), "an unsigned push");
        assert.equal(error.kind, "unauthorized");
      }),
  },
  {
    name: "webhook: another secret's push is refused",
    run: (harness) =>
      withLine(harness, async (line) => {
        const { push } = await onePush(line, harness);
        const other = channelOf(harness, {}, harness.wrongConfig);
        const pushed = other.webhook?.(push, never()) ?? Promise.resolve();
        assert.equal((await failure(pushed, "a push of another secret")).kind, "unauthorized");
      }),
  },
  {
    name: "webhook: a stale push is refused",
    run: (harness) =>
      withLine(harness, async (line) => {
        const { push } = await onePush(line, harness);
        assert(harness.staleAfterMs !== null, "the provider signs no time");
        for (const offsetMs of [harness.staleAfterMs + 1_000, -harness.staleAfterMs - 60_000]) {
          const now = () => new Date(harness.tools.now().getTime() + offsetMs);
          const pushed = channelOf(harness, { now }).webhook?.(push, never()) ?? Promise.resolve();
          assert.equal((await failure(pushed, "a stale push")).kind, "unauthorized");
        }
      }),
  },
];
