import type { FeedEvent } from "../outbox/feed.ts";
import { callIdOf } from "../outbox/line-events.ts";

/** The topic of what a person sends to try an endpoint; it is never subscribed to. */
export const testTopic = "subscription.test";

export interface EventView {
  id: string;
  type: string;
  timestamp: string;
  tenant: string;
  callId: string | null;
  version: number;
  data: Record<string, unknown>;
}

/** An event as an endpoint is told of it, all but its data. */
export interface Told {
  seq: number;
  tenant: string;
  topic: string;
  /** Empty for a test; of an event of a line its key. */
  callId: string;
  version: number;
  at: Date;
}

/** An event's id is the outbox's, however often and by whatever way it is told. */
export const eventIdOf = (seq: number): string => `evt_${seq}`;
export const eventIdPattern = /^evt_[1-9]\d{0,15}$/;
export const seqOf = (eventId: string): number => Number(eventId.slice(4));

const testData = JSON.stringify({ message: "这是一次测试 · This is a test." });

/** The body of a webhook. `data` is JSON already: it goes in as it was stored. */
export function envelope(told: Told, data: string | null): string | null {
  const text = told.topic === testTopic ? testData : data;
  if (text === null) return null;
  const head = {
    id: eventIdOf(told.seq),
    type: told.topic,
    timestamp: told.at.toISOString(),
    tenant: told.tenant,
    callId: callIdOf(told.callId),
    version: told.version,
  };
  return `${JSON.stringify(head).slice(0, -1)},"data":${text}}`;
}

/** The same event as the feed shows it. */
export function eventView(event: FeedEvent): EventView {
  return {
    id: event.id,
    type: event.topic,
    timestamp: event.at.toISOString(),
    tenant: event.tenant,
    callId: callIdOf(event.callId),
    version: event.version,
    data: event.payload,
  };
}
