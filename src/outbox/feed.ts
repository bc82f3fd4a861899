import { type SQL, sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import type { Topic } from "./append.ts";

/** One message as listeners get it, with the cursor that reads on behind it. */
export interface FeedEvent {
  /** Stable: the same message has the same id wherever and however often it is told. */
  id: string;
  tenant: string;
  topic: Topic;
  callId: string;
  version: number;
  at: Date;
  payload: Record<string, unknown>;
  cursor: string;
}

export type FeedPage = { reset: true } | { reset: false; events: FeedEvent[]; cursor: string };

/** A cursor that is older than what is kept can skip news without a trace: it is answered with `reset`. */
const keptMs = 30 * 86_400_000;

interface Place {
  epoch: string;
  xid: string;
  id: string;
  /** Epoch milliseconds at which it was given out. */
  at: number;
}

/**
 * Reads on in the outbox. Only transactions below every running one are read, in the order (transaction, id): by id
 * alone a reader would skip whatever commits late. `tenant` null reads all tenants', for the service's own duties.
 */
export async function readFeed(ctx: Context, tenant: string | null, after: string, limit: number): Promise<FeedPage> {
  const place = readCursor(after);
  const epoch = await epochOf(ctx);
  const now = ctx.clock.now().getTime();
  if (place === null || place.epoch !== epoch || now - place.at > keptMs) return { reset: true };
  // Ordered by the column: a bare `xid` would be the text of the select list, where 1000 comes before 999.
  const mine: SQL = tenant === null ? sql`` : sql`tenant = ${tenant} and`;
  const found = await ctx.db.run((q) =>
    q.execute(sql`
      select id, xid::text, tenant, topic, call_id, version, payload, (extract(epoch from created) * 1000)::bigint as created
      from outbox where ${mine} (xid, id) > (${place.xid}::xid8, ${place.id}::bigint)
        and xid < pg_snapshot_xmin(pg_current_snapshot())
      order by outbox.xid, outbox.id limit ${limit}`),
  );
  const events = rows<Row>(found).map((row) => eventOf(ctx, epoch, row));
  return { reset: false, events, cursor: events.at(-1)?.cursor ?? writeCursor({ ...place, at: now }) };
}

/** The cursor behind everything that is finished now: reading on from it tells what comes. */
export async function feedEnd(ctx: Context): Promise<string> {
  const found = await ctx.db.run((q) => q.execute(sql`select pg_snapshot_xmin(pg_current_snapshot())::text as xid`));
  const xid = BigInt(rows<{ xid: string }>(found)[0]?.xid ?? "0") - 1n;
  const last = "9223372036854775807";
  return writeCursor({ epoch: await epochOf(ctx), xid: String(xid), id: last, at: ctx.clock.now().getTime() });
}

/** The cursor before everything that is kept. */
export async function feedStart(ctx: Context): Promise<string> {
  return writeCursor({ epoch: await epochOf(ctx), xid: "0", id: "0", at: ctx.clock.now().getTime() });
}

/** Which of two cursors of one history stands further on (negative: the other); null where they cannot be compared. */
export function compareCursors(one: string, other: string): number | null {
  const [a, b] = [readCursor(one), readCursor(other)];
  if (a === null || b === null || a.epoch !== b.epoch) return null;
  const order = (x: bigint, y: bigint): number => Number(x > y) - Number(x < y);
  return order(BigInt(a.xid), BigInt(b.xid)) || order(BigInt(a.id), BigInt(b.id));
}

interface Row {
  id: string | number;
  xid: string;
  tenant: string;
  topic: Topic;
  call_id: string;
  version: number;
  payload: string;
  created: string | number;
}

function eventOf(ctx: Context, epoch: string, row: Row): FeedEvent {
  const at = Number(row.created);
  return {
    id: `evt_${row.id}`,
    tenant: row.tenant,
    topic: row.topic,
    callId: row.call_id,
    version: row.version,
    at: new Date(at),
    payload: JSON.parse(ctx.seal.open(row.tenant, row.payload)),
    cursor: writeCursor({ epoch, xid: row.xid, id: String(row.id), at }),
  };
}

async function epochOf(ctx: Context): Promise<string> {
  const found = await ctx.db.run((q) => q.execute(sql`select epoch from feed_epoch where one = 1`));
  return rows<{ epoch: string }>(found)[0]?.epoch ?? "";
}

function writeCursor({ epoch, xid, id, at }: Place): string {
  return Buffer.from(`${epoch}.${xid}.${id}.${at}`).toString("base64url");
}

function readCursor(cursor: string): Place | null {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const found = /^([0-9a-f]{1,32})\.(\d{1,20})\.(\d{1,19})\.(\d{1,15})$/.exec(text);
  const [, epoch, xid, id, at] = found ?? [];
  if (epoch === undefined || xid === undefined || id === undefined || at === undefined) return null;
  return { epoch, xid, id, at: Number(at) };
}
