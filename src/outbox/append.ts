import { type SQL, sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { recordset } from "../../db/sql.ts";
import type { Context } from "../context.ts";

/** What others hear of. Several of one version tell of the same change. */
export const topics = [
  "call.created",
  "call.updated",
  "call.ended",
  "call.finalized",
  "recording.available",
  "line.up",
  "line.degraded",
  "line.down",
  "line.held",
] as const;
export type Topic = (typeof topics)[number];

export interface Message {
  tenant: string;
  /** Of an event of a line: its key, in whose order its events are told. */
  callId: string;
  version: number;
  topic: Topic;
  /** What listeners are told; no full number may stand in it. */
  payload: Record<string, unknown>;
}

/** Writes what others must hear, in the transaction that made it true. */
export async function appendOutbox(ctx: Context, q: Query, messages: readonly Message[]): Promise<void> {
  const rows = outboxRows(ctx, messages);
  if (rows !== null) await q.execute(rows);
}

/** The same as a change, to go together with others. */
export function outboxRows(ctx: Context, messages: readonly Message[]): SQL | null {
  if (messages.length === 0) return null;
  const now = ctx.clock.now();
  const news = messages.map(({ tenant, callId, version, topic, payload }) => {
    return { tenant, call_id: callId, version, topic, payload: ctx.seal.text(tenant, JSON.stringify(payload)) };
  });
  return sql`
    insert into outbox (month, tenant, call_id, version, topic, payload, created)
    select ${monthOf(now)}::date, tenant, call_id, version, topic, payload, ${now.toISOString()}::timestamptz
    from ${recordset(news, "news(tenant text, call_id text, version int, topic text, payload text)")}
    on conflict do nothing`;
}

/** The first day of the month, by which events and outbox are partitioned. */
export function monthOf(at: Date): string {
  return `${at.toISOString().slice(0, 7)}-01`;
}
