import { sql } from "drizzle-orm";
import {
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  varchar,
} from "drizzle-orm/pg-core";
import { tenant, time } from "./tenancy.ts";

/** One set of credentials at a provider. Made and left by its lines; people never see it by itself. */
export const accounts = pgTable(
  "accounts",
  {
    id: varchar("id", { length: 32 }).notNull(),
    tenant: tenant(),
    channel: varchar("channel", { length: 8 }).notNull(),
    /** Keyed hash of the adapter's `accountKey`: equal credentials, equal hash. */
    keyHash: text("key_hash").notNull(),
    webhookToken: varchar("webhook_token", { length: 40 }).notNull(),
    created: time("created").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.id] }),
    unique("accounts_credentials").on(table.tenant, table.channel, table.keyHash),
    unique("accounts_webhook_token").on(table.webhookToken),
  ],
);

/** Prices in the currency's main unit per minute; increments in seconds, first and next. */
export interface LegPrice {
  perMinute: string;
  firstIncrement: number;
  nextIncrement: number;
}
export interface LinePrice {
  currency: string;
  a?: LegPrice;
  b?: LegPrice;
  monthlyRent?: string;
}

export const callLines = pgTable(
  "call_lines",
  {
    id: integer("id").notNull().generatedAlwaysAsIdentity(),
    tenant: tenant(),
    accountId: varchar("account_id", { length: 32 }).notNull(),
    name: varchar("name", { length: 100 }).notNull(),
    providerType: varchar("provider_type", { length: 8 }).notNull(),
    /** Sealed JSON. */
    providerConfig: text("provider_config").notNull(),
    /** The shown number. It is the company's own, printed on its cards; still masked in records. */
    callerNumber: varchar("caller_number", { length: 20 }),
    webhookUrl: varchar("webhook_url", { length: 255 }),
    /** Sealed. */
    webhookSecret: text("webhook_secret"),
    /** Whence pushes to the channel's fixed paths come: addresses and networks. */
    webhookSenders: jsonb("webhook_senders").$type<string[]>(),
    /** The operator's switch: active or inactive. Health is a field of its own. */
    status: varchar("status", { length: 8 }).notNull().default("active"),
    health: varchar("health", { length: 8 }).notNull().default("up"),
    maxConcurrent: integer("max_concurrent").notNull().default(0),
    dailyLimit: integer("daily_limit").notNull().default(0),
    perSecond: integer("per_second").notNull().default(0),
    price: jsonb("price").$type<LinePrice>(),
    created: time("created").notNull(),
    updated: time("updated").notNull(),
    archived: time("archived"),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.id] }),
    uniqueIndex("call_lines_id").on(table.id),
    index("call_lines_account").on(table.accountId),
  ],
);

export const agents = pgTable(
  "agents",
  {
    id: varchar("id", { length: 64 }).notNull(),
    tenant: tenant(),
    name: varchar("name", { length: 100 }).notNull(),
    phone: varchar("phone", { length: 16 }),
    phoneSealed: text("phone_sealed"),
    phoneIndex: text("phone_index"),
    /** The agent's id at providers, by channel: `{"hw": "1001"}`. Sealed: some are e-mail addresses or numbers. */
    seatsSealed: text("seats_sealed"),
    created: time("created").notNull(),
    updated: time("updated").notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenant, table.id] })],
);

/** 用户-坐席-渠道: a user's agents and lines, tried in order of priority (lowest first). */
export const bindings = pgTable(
  "bindings",
  {
    id: varchar("id", { length: 32 }).notNull(),
    tenant: tenant(),
    userId: varchar("user_id", { length: 64 }).notNull(),
    agentId: varchar("agent_id", { length: 64 }),
    channel: varchar("channel", { length: 8 }),
    lineId: integer("line_id"),
    priority: integer("priority").notNull().default(100),
    privacy: boolean("privacy"),
    created: time("created").notNull(),
    updated: time("updated").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.id] }),
    index("bindings_user").on(table.tenant, table.userId, table.priority),
    index("bindings_agent").on(table.tenant, table.agentId).where(sql`agent_id is not null`),
  ],
);

export const phoneBlacklist = pgTable(
  "phone_blacklist",
  {
    id: varchar("id", { length: 32 }).notNull(),
    tenant: tenant(),
    phone: varchar("phone", { length: 16 }).notNull(),
    phoneSealed: text("phone_sealed").notNull(),
    phoneIndex: text("phone_index").notNull(),
    reason: varchar("reason", { length: 255 }),
    expires: time("expires"),
    created: time("created").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.id] }),
    unique("phone_blacklist_phone").on(table.tenant, table.phoneIndex),
  ],
);
