import { sql } from "drizzle-orm";
import { index, integer, jsonb, pgTable, primaryKey, text, timestamp, unique, varchar } from "drizzle-orm/pg-core";

export const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: "date" });
export const tenant = () => varchar("tenant", { length: 32 }).notNull();

export const tenants = pgTable("tenants", {
  id: varchar("id", { length: 32 }).primaryKey(),
  name: varchar("name", { length: 100 }).notNull(),
  /** As `auth/settings.ts` has it; anything absent takes the product's default. */
  settings: jsonb("settings").$type<Record<string, unknown>>().notNull().default({}),
  /** HMAC of a fixed text: tells at start whether the secret key still opens what is sealed. */
  keyProof: text("key_proof").notNull(),
  created: time("created").notNull(),
});

export const apiKeys = pgTable(
  "api_keys",
  {
    id: varchar("id", { length: 32 }).notNull(),
    tenant: tenant(),
    name: varchar("name", { length: 100 }).notNull(),
    /** SHA-256 of the key; the key itself is shown once and kept nowhere. */
    hash: text("hash").notNull(),
    /** Its first characters, so that people can tell keys apart. */
    hint: varchar("hint", { length: 16 }).notNull(),
    scopes: text("scopes").array().notNull(),
    created: time("created").notNull(),
    revoked: time("revoked"),
  },
  (table) => [primaryKey({ columns: [table.tenant, table.id] }), unique("api_keys_hash").on(table.hash)],
);

/** One-use proofs for browsers, which can put no header on a WebSocket or an EventSource. They live for seconds. */
export const tickets = pgTable(
  "tickets",
  {
    /** SHA-256 of the ticket; the ticket itself is shown once and kept nowhere. */
    hash: text("hash").primaryKey(),
    tenant: tenant(),
    /** The key that it was made with: a ticket does no more than its key. */
    keyId: varchar("key_id", { length: 32 }).notNull(),
    /** Null = the tenant's calls, else only this user's. */
    userId: varchar("user_id", { length: 64 }),
    scopes: text("scopes").array().notNull(),
    until: time("until").notNull(),
  },
  (table) => [index("tickets_until").on(table.until), index("tickets_tenant").on(table.tenant, table.until)],
);

/** Work under way for a tenant's API requests: one row per `Idempotency-Key`, claimed with the call's row. */
export const idempotency = pgTable(
  "idempotency",
  {
    tenant: tenant(),
    key: varchar("key", { length: 255 }).notNull(),
    /** Keyed hash of every field of the request, so that a conflict can name the field and never its value. */
    fingerprint: jsonb("fingerprint").$type<Record<string, string>>().notNull(),
    callId: varchar("call_id", { length: 64 }).notNull(),
    created: time("created").notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenant, table.key] }), index("idempotency_created").on(table.created)],
);

/** A slot that is held until a time: an agent's seat, later a line's or an account's concurrency. */
export const leases = pgTable(
  "leases",
  {
    scope: varchar("scope", { length: 16 }).notNull(),
    key: text("key").notNull(),
    slot: integer("slot").notNull(),
    callId: varchar("call_id", { length: 64 }),
    until: time("until").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.scope, table.key, table.slot] }),
    index("leases_call").on(table.callId).where(sql`call_id is not null`),
  ],
);

/** What rates and daily limits have counted, of a line, an agent or a tenant; locked by whoever counts on. */
export const limitCounts = pgTable(
  "limit_counts",
  {
    scope: varchar("scope", { length: 8 }).notNull(),
    /** The line's id, the agent's seat, or the tenant. */
    key: text("key").notNull(),
    tenant: tenant(),
    /** Times of the latest placements, epoch milliseconds, as many as fit into a second. */
    recent: jsonb("recent").$type<number[]>().notNull().default([]),
    /** When the day began that `today` belongs to: epoch seconds. */
    day: varchar("day", { length: 10 }).notNull(),
    today: integer("today").notNull(),
  },
  (table) => [primaryKey({ columns: [table.scope, table.key] })],
);
