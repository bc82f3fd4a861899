import { sql } from "drizzle-orm";
import { index, integer, jsonb, pgTable, primaryKey, varchar } from "drizzle-orm/pg-core";
import { tenant, time } from "./tenancy.ts";

/** What all instances together know of a line: one state, on which each acts. */
export const lineHealth = pgTable(
  "line_health",
  {
    tenant: tenant(),
    lineId: integer("line_id").notNull(),
    /** The machine's state: mode and evidence, of bounded size. */
    health: jsonb("health").notNull(),
    version: integer("version").notNull(),
    /** Which instance wrote it last: the others read it again. */
    writer: varchar("writer", { length: 16 }).notNull(),
    updated: time("updated").notNull(),
    /** Since when one trial call may be placed; null = none may. */
    trialFrom: time("trial_from"),
    trialCall: varchar("trial_call", { length: 64 }),
    /** The trial is somebody's until then. */
    trialUntil: time("trial_until"),
    probeDue: time("probe_due").notNull(),
    /** The last transitions, oldest first. */
    transitions: jsonb("transitions").notNull().default(sql`'[]'::jsonb`),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.lineId] }),
    index("line_health_updated").on(table.updated),
    index("line_health_probe_due").on(table.probeDue),
  ],
);
