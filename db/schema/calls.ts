import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uniqueIndex,
  varchar,
} from "drizzle-orm/pg-core";
import { tenant, time } from "./tenancy.ts";

const count = (name: string) => bigint(name, { mode: "number" });

/** The unified call record. Numbers stand masked, sealed and as keyed hash; what its facts say follows from `merge`. */
export const callRecords = pgTable(
  "call_records",
  {
    id: count("id").notNull().generatedAlwaysAsIdentity(),
    tenant: tenant(),
    callId: varchar("call_id", { length: 64 }).notNull(),
    // What the dial said.
    mainNum: varchar("main_num", { length: 16 }),
    extNum: varchar("ext_num", { length: 8 }),
    agent: varchar("agent", { length: 64 }),
    bizId: varchar("biz_id", { length: 128 }),
    /** Sealed. */
    bizData: text("biz_data"),
    userId: varchar("user_id", { length: 64 }),
    customerId: varchar("customer_id", { length: 64 }),
    /** Sealed. */
    customerName: text("customer_name"),
    orderId: varchar("order_id", { length: 64 }),
    direction: varchar("direction", { length: 8 }).notNull().default("outbound"),
    callMethod: varchar("call_method", { length: 8 }).notNull().default("cloud"),
    ivrUrl: varchar("ivr_url", { length: 512 }),
    /** Sealed. */
    ivrText: text("ivr_text"),
    privacy: boolean("privacy").notNull().default(false),
    record: boolean("record").notNull().default(false),
    ringTimeout: integer("ring_timeout").notNull(),
    maxDuration: integer("max_duration").notNull(),
    caller: varchar("caller", { length: 16 }),
    callerSealed: text("caller_sealed"),
    callerIndex: text("caller_index"),
    called: varchar("called", { length: 16 }).notNull(),
    calledSealed: text("called_sealed").notNull(),
    calledIndex: text("called_index").notNull(),
    /** No phone rings (a demo line): it does not count among the calls to a customer. */
    ringsNobody: boolean("rings_nobody").notNull().default(false),
    /** Why each line was or was not taken, and which may still be tried. */
    route: jsonb("route").notNull(),
    /** No further line is tried later than this. */
    placeBy: time("place_by").notNull(),
    created: time("created").notNull(),
    // What its facts say.
    channel: varchar("channel", { length: 8 }),
    lineId: integer("line_id"),
    attempt: smallint("attempt"),
    providerCallId: varchar("provider_call_id", { length: 256 }),
    providerJobId: varchar("provider_job_id", { length: 256 }),
    callerNumber: varchar("caller_number", { length: 20 }),
    callerNumberSealed: text("caller_number_sealed"),
    callerNumberIndex: text("caller_number_index"),
    chState: varchar("ch_state", { length: 32 }),
    state: varchar("state", { length: 8 }).notNull(),
    status: varchar("status", { length: 16 }).notNull(),
    answered: boolean("answered").notNull().default(false),
    aCallTime: time("a_call_time"),
    bCallTime: time("b_call_time"),
    aRingTime: time("a_ring_time"),
    bRingTime: time("b_ring_time"),
    aOffhookTime: time("a_offhook_time"),
    bOffhookTime: time("b_offhook_time"),
    connTime: time("conn_time"),
    closeTime: time("close_time"),
    duration: integer("duration"),
    ringDuration: integer("ring_duration").notNull().default(0),
    closeType: varchar("close_type", { length: 32 }),
    hangupCause: varchar("hangup_cause", { length: 50 }),
    hangupCode: varchar("hangup_code", { length: 64 }),
    hasRecording: boolean("has_recording").notNull().default(false),
    /** Sealed: the adapter's reference may hold numbers or a signature. */
    chAudioUrl: text("ch_audio_url"),
    audioUrl: varchar("audio_url", { length: 512 }),
    recordingDuration: integer("recording_duration"),
    recordingSize: count("recording_size").notNull().default(0),
    cost: varchar("cost", { length: 32 }),
    costCurrency: varchar("cost_currency", { length: 8 }),
    hasCdr: boolean("has_cdr").notNull().default(false),
    doubled: boolean("doubled").notNull().default(false),
    estimated: text("estimated").array().notNull().default(sql`'{}'`),
    /** Nothing better will come: the CDR is here, or the time to wait for one is over. */
    finalized: boolean("finalized").notNull().default(false),
    latestEnd: time("latest_end"),
    finalizeDue: time("finalize_due"),
    /** A call that waits for a free line is given up then. */
    queuedUntil: time("queued_until"),
    merge: jsonb("merge").notNull().default({}),
    version: integer("version").notNull(),
    updated: time("updated").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.callId] }),
    uniqueIndex("call_records_call_id").on(table.callId),
    index("call_records_list").on(table.tenant, table.created, table.callId),
    index("call_records_biz").on(table.tenant, table.bizId, table.created).where(sql`biz_id is not null`),
    index("call_records_user").on(table.tenant, table.userId, table.created).where(sql`user_id is not null`),
    index("call_records_customer")
      .on(table.tenant, table.customerId, table.created)
      .where(sql`customer_id is not null`),
    index("call_records_order").on(table.tenant, table.orderId, table.created).where(sql`order_id is not null`),
    index("call_records_line").on(table.tenant, table.lineId, table.created),
    index("call_records_status").on(table.tenant, table.status, table.created),
    index("call_records_called").on(table.tenant, table.calledIndex, table.created),
    index("call_records_caller").on(table.tenant, table.callerIndex, table.created),
    index("call_records_latest_end").on(table.latestEnd).where(sql`latest_end is not null`),
    index("call_records_queued").on(table.created).where(sql`queued_until is not null`),
    index("call_records_finalize_due").on(table.finalizeDue).where(sql`finalize_due is not null`),
  ],
);

/** One try to place a call on one line. */
export const callAttempts = pgTable(
  "call_attempts",
  {
    tenant: tenant(),
    callId: varchar("call_id", { length: 64 }).notNull(),
    number: smallint("number").notNull(),
    lineId: integer("line_id").notNull(),
    accountId: varchar("account_id", { length: 32 }).notNull(),
    channel: varchar("channel", { length: 8 }).notNull(),
    /** sent (no answer yet), placed, refused, unknown, absent. */
    outcome: varchar("outcome", { length: 8 }).notNull(),
    errorKind: varchar("error_kind", { length: 16 }),
    errorCause: varchar("error_cause", { length: 16 }),
    errorCode: varchar("error_code", { length: 64 }),
    providerCallId: varchar("provider_call_id", { length: 256 }),
    providerJobId: varchar("provider_job_id", { length: 256 }),
    sent: time("sent").notNull(),
    settled: time("settled"),
    /** False once nothing more is to be asked about it. */
    open: boolean("open").notNull().default(true),
    /** It ended without proof: until then it may still take up its line. */
    heldUntil: time("held_until"),
    /** When the provider is asked next (follow when placed, find when unknown); null = not by asking. */
    followDue: time("follow_due"),
  },
  (table) => [
    primaryKey({ columns: [table.callId, table.number] }),
    unique("call_attempts_provider_id").on(table.accountId, table.providerCallId),
    index("call_attempts_due").on(table.followDue).where(sql`open and follow_due is not null`),
    index("call_attempts_open").on(table.accountId).where(sql`open`),
    index("call_attempts_in_use").on(table.tenant, table.lineId).where(sql`open or held_until is not null`),
  ],
);
