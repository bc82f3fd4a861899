import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";

/** What others hear of. Several of one version tell of the same change. */
export const topics = ["call.created", "call.updated", "call.ended", "call.finalized", "recording.available"] as const;
export type Topic = (typeof topics)[number];

export interface Message {
  tenant: string;
  callId: string;
  version: number;
  topic: Topic;
  /** What listeners are told; no full number may stand in it. */
  payload: Record<string, unknown>;
}

/** Writes what others must hear, in the transaction that made it true. */
export async function appendOutbox(ctx: Context, q: Query, messages: readonly Message[]): Promise<void> {
  if (messages.length === 0) return;
  const now = ctx.clock.now();
  const column = (of: (message: Message) => string | number) => textArray(messages.map(of));
  await q.execute(sql`
    insert into outbox (month, tenant, call_id, version, topic, payload, created)
    select ${monthOf(now)}::date, tenant, call_id, version::int, topic, payload, ${now.toISOString()}::timestamptz
    from unnest(${column((m) => m.tenant)}, ${column((m) => m.callId)}, ${column((m) => m.version)},
      ${column((m) => m.topic)}, ${column((m) => ctx.seal.text(m.tenant, JSON.stringify(m.payload)))})
      as news(tenant, call_id, version, topic, payload)
    on conflict do nothing`);
}

/** The first day of the month, by which events and outbox are partitioned. */
export function monthOf(at: Date): string {
  return `${at.toISOString().slice(0, 7)}-01`;
}
