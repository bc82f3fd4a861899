import { type SQL, sql } from "drizzle-orm";
import type { RawDelivery } from "../../channels/contract.ts";
import { createBatch } from "../../db/batch.ts";
import type { Query } from "../../db/client.ts";
import { isDataError, textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { Refusal } from "../domain/refusal.ts";
import { packDelivery } from "./pack.ts";

/** One raw delivery as it arrived, with the account that it came through. */
export interface Arrival {
  tenant: string;
  accountId: string;
  channel: string;
  source: "push" | "follow" | "poll";
  received: Date;
  delivery: RawDelivery;
}

export interface Accept {
  /** Resolves once all of them are durable; rejects when they are not, and the provider must repeat. */
  accept(arrivals: readonly Arrival[]): Promise<void>;
  /** How many have been stored by this process. */
  stored(): number;
  /** Waits for what is under way. */
  stop(): Promise<void>;
}

const groupMax = 256;
const waitingMax = 20_000;
const commitsAtOnce = 2;

/**
 * Stores deliveries in group commits. Nothing is acknowledged before its commit, and a group that fails for a reason
 * of its data is halved until the bad row stands alone.
 */
export function createAccept(ctx: Context, stored: () => void): Accept {
  let count = 0;
  const commit = createBatch<Row, void>({
    sizeMax: groupMax,
    waitingMax,
    atOnce: commitsAtOnce,
    async run(group) {
      await ctx.db.run((q) => insertRows(q, group));
      count += group.length;
      stored();
      return [];
    },
    divides: isDataError,
    full: () => new Refusal("overloaded", "回调积压 · too many deliveries at once", { retryAfterSeconds: 1 }),
  });

  async function store(row: Row): Promise<void> {
    try {
      await commit(row);
    } catch (error) {
      if (!isDataError(error)) throw error;
      await ctx.db.run((q) => insertRows(q, [{ ...row, kind: "defective", defect: error.code }]));
      ctx.log.warn({ accountId: row.accountId, code: error.code }, "a delivery could only be stored as defective");
      stored();
    }
  }

  return {
    async accept(arrivals) {
      await Promise.all(arrivals.map((arrival) => store(rowOf(ctx, arrival))));
    },
    stored: () => count,
    stop: () => commit.idle(),
  };
}

interface Row {
  day: string;
  tenant: string;
  accountId: string;
  channel: string;
  kind: string;
  source: string;
  received: Date;
  size: number;
  sealed: string;
  defect: string | null;
}

function rowOf(ctx: Context, { tenant, accountId, channel, source, received, delivery }: Arrival): Row {
  return {
    day: received.toISOString().slice(0, 10),
    tenant,
    accountId,
    channel,
    kind: delivery.kind,
    source,
    received,
    size: delivery.body.length,
    sealed: ctx.seal.bytes(tenant, packDelivery(delivery)),
    defect: null,
  };
}

/** Stores deliveries inside a transaction of the caller's: a feed's cursor moves with what it gave. */
export async function storeArrivals(ctx: Context, q: Query, arrivals: readonly Arrival[]): Promise<void> {
  if (arrivals.length > 0)
    await insertRows(
      q,
      arrivals.map((arrival) => rowOf(ctx, arrival)),
    );
}

async function insertRows(q: Query, all: readonly Row[]): Promise<void> {
  const column = (of: (row: Row) => string | number | Date | null): SQL => textArray(all.map(of));
  await q.execute(sql`
    with stored as (
      insert into deliveries (day, tenant, account_id, channel, kind, source, received, size, sealed, defect)
      select day::date, tenant, account_id, channel, kind, source, received::timestamptz, size::int, sealed, defect
      from unnest(${column((r) => r.day)}, ${column((r) => r.tenant)}, ${column((r) => r.accountId)},
        ${column((r) => r.channel)}, ${column((r) => r.kind)}, ${column((r) => r.source)}, ${column((r) => r.received)},
        ${column((r) => r.size)}, ${column((r) => r.sealed)}, ${column((r) => r.defect)})
        as news(day, tenant, account_id, channel, kind, source, received, size, sealed, defect)
      returning day, id),
    to_b as (insert into inbox_b (day, id) select day, id from stored where (select active from inbox_turn) = 'b')
    insert into inbox_a (day, id) select day, id from stored where (select active from inbox_turn) = 'a'`);
}
