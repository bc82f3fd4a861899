/** A channel under test together with a receiver for its pushes. */
import assert from "node:assert/strict";
import type {
  CallEvent,
  CallOrder,
  Channel,
  ChannelTools,
  Placement,
  RawDelivery,
  RawRequest,
} from "../../channels/contract.ts";
import type { Ending, Harness } from "./harness.ts";

export const patienceMs = 5_000;

export interface Line {
  channel: Channel;
  /** Pushes as they arrived, whether or not the adapter took them. */
  pushes: RawRequest[];
  deliveries: RawDelivery[];
  order(ending: Ending, wish?: { record?: boolean }): CallOrder;
  place(order: CallOrder): Promise<Placement>;
  /** Waits, and asks where the provider has to be asked, until `enough` of the call's events are there. */
  newsOf(order: CallOrder, placed: Placement, enough: (events: CallEvent[]) => boolean): Promise<CallEvent[]>;
}

export const never = () => new AbortController().signal;

export function channelOf(harness: Harness, tools: Partial<ChannelTools> = {}, config = harness.config): Channel {
  return harness.definition.create(harness.definition.config.parse(config), { ...harness.tools, ...tools });
}

export async function withLine<T>(harness: Harness, use: (line: Line) => Promise<T>): Promise<T> {
  const channel = channelOf(harness);
  const isPolled = harness.definition.polled(harness.definition.config.parse(harness.config));
  const pushes: RawRequest[] = [];
  const deliveries: RawDelivery[] = [];
  const receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const raw = await rawRequest(request);
      pushes.push(raw);
      try {
        const batch = await channel.webhook?.(raw, never());
        deliveries.push(...(batch?.deliveries ?? []));
        const reply = batch?.reply ?? { status: 404, contentType: "text/plain", body: "" };
        return new Response(reply.body, { status: reply.status, headers: { "content-type": reply.contentType } });
      } catch {
        return new Response("", { status: 401 });
      }
    },
  });
  const notifyUrl = `http://127.0.0.1:${receiver.port}/webhook/token`;
  let cursor: string | null = null;

  async function ask(order: CallOrder, placed: Placement): Promise<void> {
    const { callId, attempt } = order;
    const call = { callId, attempt, ...placed, sentAt: harness.tools.now() };
    for (const answer of (await channel.follow?.([call], never())) ?? []) {
      if ("delivery" in answer) deliveries.push(answer.delivery);
    }
    const batch = await channel.poll?.(cursor, never());
    if (!batch) return;
    cursor = batch.cursor;
    deliveries.push(...batch.deliveries);
  }

  try {
    return await use({
      channel,
      pushes,
      deliveries,
      order(ending, { record = false } = {}) {
        const order = harness.order(ending, { notifyUrl, record });
        assert(order, `the far side cannot play ${ending}`);
        return order;
      },
      place: (order) => channel.place(order, never()),
      async newsOf(order, placed, enough) {
        const giveUpAt = performance.now() + patienceMs;
        for (;;) {
          if (isPolled || !channel.webhook) await ask(order, placed);
          const events = deliveries.flatMap((delivery) => read(channel, delivery)).filter(isAbout(order, placed));
          if (enough(events)) return events;
          assert(performance.now() < giveUpAt, `no end of news: ${JSON.stringify(events.map(brief))}`);
          await Bun.sleep(10);
        }
      },
    });
  } finally {
    await receiver.stop(true);
    await channel.close();
  }
}

export function read(channel: Channel, delivery: RawDelivery): CallEvent[] {
  return channel.normalize({ ...delivery, receivedAt: new Date(0) });
}

function isAbout(order: CallOrder, placed: Placement) {
  return ({ ref }: CallEvent) =>
    ref.callId === undefined ? ref.providerCallId === placed.providerCallId : ref.callId === order.callId;
}

/** An event as fixtures write it. */
export function brief(event: CallEvent): string {
  const end = event.kind === "ended" ? ` ${event.closeType} ${event.cause}` : "";
  return `${event.kind}${"leg" in event ? ` ${event.leg}` : ""}${end} @${event.authority}`;
}

async function rawRequest(request: Request): Promise<RawRequest> {
  const { searchParams, origin, pathname } = new URL(request.url);
  // As the service's route has it: a token, and perhaps a kind behind it.
  const [, hook, token, kind = ""] = pathname.split("/");
  return {
    method: request.method,
    kind,
    notifyUrl: `${origin}/${hook}/${token}`,
    query: Object.fromEntries(searchParams),
    headers: Object.fromEntries(request.headers),
    body: await request.bytes(),
  };
}
