import { sql } from "drizzle-orm";
import {
  bigint,
  customType,
  date,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  smallint,
  text,
  varchar,
} from "drizzle-orm/pg-core";
import { tenant, time } from "./tenancy.ts";

const count = (name: string) => bigint(name, { mode: "number" });
const transactionId = customType<{ data: string }>({ dataType: () => "xid8" });

export const deliveryIds = pgSequence("delivery_ids", { cache: 1 });
export const eventIds = pgSequence("event_ids", { cache: 1 });
export const outboxIds = pgSequence("outbox_ids", { cache: 1 });

/** The callback log: raw, sealed, append only, never updated; partitioned by day and left by dropping days. */
export const deliveries = pgTable(
  "deliveries",
  {
    day: date("day", { mode: "string" }).notNull(),
    id: count("id").notNull().default(sql`nextval('delivery_ids')`),
    tenant: tenant(),
    accountId: varchar("account_id", { length: 32 }).notNull(),
    channel: varchar("channel", { length: 8 }).notNull(),
    kind: varchar("kind", { length: 32 }).notNull(),
    /** push, follow or poll. */
    source: varchar("source", { length: 8 }).notNull(),
    received: time("received").notNull(),
    size: integer("size").notNull(),
    sealed: text("sealed").notNull(),
    /** Why the group commit had to store it alone, by SQLSTATE; null for all others. */
    defect: varchar("defect", { length: 64 }),
  },
  (table) => [primaryKey({ columns: [table.day, table.id] })],
);

const queue = (name: string) =>
  pgTable(name, { id: count("id").notNull(), day: date("day", { mode: "string" }).notNull() }, (table) => [
    primaryKey({ columns: [table.id] }),
  ]);

/** What is stored and not yet handled. Two tables used in turn, truncated when empty: no dead rows to wade through. */
export const inboxA = queue("inbox_a");
export const inboxB = queue("inbox_b");
export const inboxTurn = pgTable("inbox_turn", {
  one: smallint("one").primaryKey(),
  /** The table that new rows go to: a or b. */
  active: varchar("active", { length: 1 }).notNull(),
});

/** Deliveries that could not be handled: their call is not known yet, or they are malformed. Kept, counted, shown. */
export const parked = pgTable(
  "parked",
  {
    day: date("day", { mode: "string" }).notNull(),
    id: count("id").notNull(),
    tenant: tenant(),
    accountId: varchar("account_id", { length: 32 }).notNull(),
    /** unmatched or malformed. */
    reason: varchar("reason", { length: 16 }).notNull(),
    /** What was wrong, in our words; never the provider's text. */
    detail: varchar("detail", { length: 200 }),
    /** The provider's id that it waits for. */
    waitsFor: varchar("waits_for", { length: 256 }),
    tries: smallint("tries").notNull().default(0),
    parkedAt: time("parked_at").notNull(),
    /** When it is tried again; null = no more, it stays for people to see. */
    due: time("due"),
  },
  (table) => [
    primaryKey({ columns: [table.day, table.id] }),
    index("parked_waits_for").on(table.accountId, table.waitsFor).where(sql`waits_for is not null`),
    index("parked_due").on(table.due).where(sql`due is not null`),
    index("parked_tenant").on(table.tenant, table.parkedAt),
  ],
);

/** Every normalized fact, partitioned by month. */
export const events = pgTable(
  "events",
  {
    month: date("month", { mode: "string" }).notNull(),
    id: count("id").notNull().default(sql`nextval('event_ids')`),
    tenant: tenant(),
    callId: varchar("call_id", { length: 64 }).notNull(),
    attempt: smallint("attempt").notNull(),
    hash: varchar("hash", { length: 22 }).notNull(),
    kind: varchar("kind", { length: 16 }).notNull(),
    leg: varchar("leg", { length: 1 }),
    at: time("at").notNull(),
    authority: smallint("authority").notNull(),
    value: jsonb("value").notNull(),
    received: time("received").notNull(),
    deliveryId: count("delivery_id"),
  },
  (table) => [
    primaryKey({ columns: [table.month, table.callId, table.hash] }),
    index("events_call").on(table.callId, table.id),
  ],
);

/** What apps, desks and the recording fetcher must hear; written in the transaction that changes the record. */
export const outbox = pgTable(
  "outbox",
  {
    month: date("month", { mode: "string" }).notNull(),
    id: count("id").notNull().default(sql`nextval('outbox_ids')`),
    xid: transactionId("xid").notNull().default(sql`pg_current_xact_id()`),
    tenant: tenant(),
    callId: varchar("call_id", { length: 64 }).notNull(),
    version: integer("version").notNull(),
    topic: varchar("topic", { length: 32 }).notNull(),
    /** Sealed. */
    payload: text("payload").notNull(),
    created: time("created").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.month, table.callId, table.version, table.topic] }),
    index("outbox_order").on(table.xid, table.id),
    index("outbox_tenant").on(table.tenant, table.xid, table.id),
  ],
);

/** Names this database's history: a cursor of another one (a restored backup, say) is not ours. */
export const feedEpoch = pgTable("feed_epoch", {
  one: smallint("one").primaryKey(),
  epoch: varchar("epoch", { length: 32 }).notNull(),
});

/** Where a feed has been read to, and when an account may be asked next: the quota of all instances together. */
export const polls = pgTable(
  "polls",
  {
    accountId: varchar("account_id", { length: 32 }).notNull(),
    /** feed or follow. */
    kind: varchar("kind", { length: 8 }).notNull(),
    tenant: tenant(),
    cursor: text("cursor"),
    due: time("due").notNull(),
    /** One instance at a time. */
    lease: time("lease").notNull(),
    /** How often in a row it failed. */
    failures: smallint("failures").notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.accountId, table.kind] }), index("polls_due").on(table.due)],
);
