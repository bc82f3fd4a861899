import { type SQL, sql } from "drizzle-orm";
import type { RawDelivery } from "../../channels/contract.ts";
import type { Query } from "../../db/client.ts";
import { DatabaseError, textArray } from "../../db/sql.ts";
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

interface Waiting {
  row: Row;
  done(): void;
  failed(error: unknown): void;
}

/**
 * Stores deliveries in group commits: those that arrive while a commit is under way share the next one. Nothing is
 * acknowledged before its commit.
 */
export function createAccept(ctx: Context, stored: () => void): Accept {
  const waiting: Waiting[] = [];
  const running = new Set<Promise<void>>();
  let count = 0;

  function start(): void {
    while (running.size < commitsAtOnce && waiting.length > 0) {
      const group = waiting.splice(0, groupMax);
      const commit = store(group).finally(() => {
        running.delete(commit);
        start();
      });
      running.add(commit);
    }
  }

  /** A group that fails for a reason of its data is halved until the bad row stands alone. */
  async function store(group: readonly Waiting[]): Promise<void> {
    try {
      await ctx.db.run((q) =>
        insertRows(
          q,
          group.map((one) => one.row),
        ),
      );
      for (const one of group) one.done();
      count += group.length;
      stored();
    } catch (error) {
      if (!isDataError(error)) {
        for (const one of group) one.failed(error);
      } else if (group.length > 1) {
        const half = group.length >> 1;
        await Promise.all([store(group.slice(0, half)), store(group.slice(half))]);
      } else if (group[0] !== undefined) {
        await storeDefective(group[0], error);
      }
    }
  }

  async function storeDefective(one: Waiting, reason: DatabaseError): Promise<void> {
    try {
      await ctx.db.run((q) => insertRows(q, [{ ...one.row, kind: "defective", defect: reason.code }]));
      ctx.log.warn({ accountId: one.row.accountId, code: reason.code }, "a delivery could only be stored as defective");
      one.done();
      stored();
    } catch (error) {
      one.failed(error);
    }
  }

  return {
    async accept(arrivals) {
      if (waiting.length + arrivals.length > waitingMax) {
        throw new Refusal("overloaded", "回调积压 · too many deliveries at once", { retryAfterSeconds: 1 });
      }
      const commits = arrivals.map(
        (arrival) => new Promise<void>((done, failed) => waiting.push({ row: rowOf(ctx, arrival), done, failed })),
      );
      start();
      await Promise.all(commits);
    },
    stored: () => count,
    async stop() {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}

/** Classes 22 (data) and 23 (integrity), and 54 (limits): the row is at fault, not the database. */
export function isDataError(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^(22|23|54)/.test(error.code);
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
