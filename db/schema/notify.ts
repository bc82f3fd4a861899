import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  date,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
  varchar,
} from "drizzle-orm/pg-core";
import { tenant, time } from "./tenancy.ts";

const count = (name: string) => bigint(name, { mode: "number" });

/** Where a tenant's applications hear of its calls, and how well that goes. */
export const subscriptions = pgTable(
  "subscriptions",
  {
    tenant: tenant(),
    id: varchar("id", { length: 32 }).notNull(),
    /** Sealed: it may hold a token. */
    urlSealed: text("url_sealed").notNull(),
    /** Topics, or `*`. */
    events: text("events").array().notNull(),
    /** The tenant's own switch. Nothing else turns it. */
    active: boolean("active").notNull(),
    description: varchar("description", { length: 200 }),
    /** Sealed: the signing secrets, newest first, each older one with the time until which it signs too. */
    secretsSealed: text("secrets_sealed").notNull(),
    /** How many requests in a row failed. */
    failures: integer("failures").notNull().default(0),
    /** Since when nothing has got through; null = it works, or has not been tried. */
    failingSince: time("failing_since"),
    /** The circuit is open: no request before this, then one at a time. */
    openUntil: time("open_until"),
    /** When it last answered 410 Gone, and nothing else since. */
    gone: time("gone"),
    created: time("created").notNull(),
    updated: time("updated").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.id] }),
    uniqueIndex("subscriptions_id").on(table.id),
    index("subscriptions_tenant").on(table.tenant, table.created, table.id),
  ],
);

/** One event for one subscription, with what came of sending it; partitioned by month and left by dropping months. */
export const notifications = pgTable(
  "notifications",
  {
    month: date("month", { mode: "string" }).notNull(),
    subscriptionId: varchar("subscription_id", { length: 32 }).notNull(),
    /** The outbox's id, which is the event's: `evt_<seq>`. Within a call it follows the versions. */
    seq: count("seq").notNull(),
    tenant: tenant(),
    callId: varchar("call_id", { length: 64 }).notNull(),
    version: integer("version").notNull(),
    topic: varchar("topic", { length: 32 }).notNull(),
    /** When the event happened. */
    at: time("at").notNull(),
    /** pending, delivered, dead. */
    state: varchar("state", { length: 16 }).notNull(),
    tries: integer("tries").notNull().default(0),
    /** When it was first sent in vain, since it was last queued. */
    failingSince: time("failing_since"),
    /** The last tries, oldest first. */
    attempts: jsonb("attempts").notNull().default([]),
    queued: time("queued").notNull(),
    finished: time("finished"),
  },
  (table) => [
    primaryKey({ columns: [table.subscriptionId, table.seq, table.month] }),
    index("notifications_pending").on(table.subscriptionId, table.callId, table.seq).where(sql`state = 'pending'`),
    index("notifications_dead").on(table.subscriptionId, table.seq).where(sql`state = 'dead'`),
  ],
);

/**
 * What waits, by call: a subscription's events of one call go out one after the other, whoever sends them. A lane is
 * there as long as one of them is pending.
 */
export const notifyLanes = pgTable(
  "notify_lanes",
  {
    tenant: tenant(),
    subscriptionId: varchar("subscription_id", { length: 32 }).notNull(),
    callId: varchar("call_id", { length: 64 }).notNull(),
    /** Counts what was queued: who sends it sees whether more has come meanwhile. */
    changes: integer("changes").notNull(),
    since: time("since").notNull(),
    /** When its first event may be sent; while it is being sent, when another sender may take over. */
    due: time("due").notNull(),
    claim: varchar("claim", { length: 32 }),
  },
  (table) => [
    primaryKey({ columns: [table.subscriptionId, table.callId] }),
    index("notify_lanes_due").on(table.subscriptionId, table.due),
  ],
);

/** How far the outbox has been handed out, and which instance does it now. */
export const notifyCursor = pgTable("notify_cursor", {
  one: smallint("one").primaryKey(),
  cursor: text("cursor").notNull(),
  holder: varchar("holder", { length: 32 }),
  lease: time("lease").notNull(),
});
