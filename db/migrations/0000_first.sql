CREATE SEQUENCE "delivery_ids" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE SEQUENCE "event_ids" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE SEQUENCE "outbox_ids" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "call_attempts" (
	"tenant" varchar(32) NOT NULL,
	"call_id" varchar(64) NOT NULL,
	"number" smallint NOT NULL,
	"line_id" integer NOT NULL,
	"account_id" varchar(32) NOT NULL,
	"channel" varchar(8) NOT NULL,
	"outcome" varchar(8) NOT NULL,
	"error_kind" varchar(16),
	"error_cause" varchar(16),
	"error_code" varchar(64),
	"provider_call_id" varchar(256),
	"provider_job_id" varchar(256),
	"sent" timestamp (3) with time zone NOT NULL,
	"settled" timestamp (3) with time zone,
	"open" boolean DEFAULT true NOT NULL,
	"follow_due" timestamp (3) with time zone,
	CONSTRAINT "call_attempts_call_id_number_pk" PRIMARY KEY("call_id","number"),
	CONSTRAINT "call_attempts_provider_id" UNIQUE("account_id","provider_call_id")
);
--> statement-breakpoint
CREATE TABLE "call_records" (
	"id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "call_records_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"tenant" varchar(32) NOT NULL,
	"call_id" varchar(64) NOT NULL,
	"main_num" varchar(16),
	"ext_num" varchar(8),
	"agent" varchar(64),
	"biz_id" varchar(128),
	"biz_data" text,
	"user_id" varchar(64),
	"customer_id" varchar(64),
	"customer_name" text,
	"order_id" varchar(64),
	"direction" varchar(8) DEFAULT 'outbound' NOT NULL,
	"call_method" varchar(8) DEFAULT 'cloud' NOT NULL,
	"ivr_url" varchar(512),
	"ivr_text" text,
	"privacy" boolean DEFAULT false NOT NULL,
	"record" boolean DEFAULT false NOT NULL,
	"ring_timeout" integer NOT NULL,
	"max_duration" integer NOT NULL,
	"caller" varchar(16),
	"caller_sealed" text,
	"caller_index" text,
	"called" varchar(16) NOT NULL,
	"called_sealed" text NOT NULL,
	"called_index" text NOT NULL,
	"route" jsonb NOT NULL,
	"place_by" timestamp (3) with time zone NOT NULL,
	"created" timestamp (3) with time zone NOT NULL,
	"channel" varchar(8),
	"line_id" integer,
	"attempt" smallint,
	"provider_call_id" varchar(256),
	"provider_job_id" varchar(256),
	"caller_number" varchar(20),
	"caller_number_sealed" text,
	"caller_number_index" text,
	"ch_state" varchar(32),
	"state" varchar(8) NOT NULL,
	"status" varchar(16) NOT NULL,
	"answered" boolean DEFAULT false NOT NULL,
	"a_call_time" timestamp (3) with time zone,
	"b_call_time" timestamp (3) with time zone,
	"a_ring_time" timestamp (3) with time zone,
	"b_ring_time" timestamp (3) with time zone,
	"a_offhook_time" timestamp (3) with time zone,
	"b_offhook_time" timestamp (3) with time zone,
	"conn_time" timestamp (3) with time zone,
	"close_time" timestamp (3) with time zone,
	"duration" integer,
	"ring_duration" integer DEFAULT 0 NOT NULL,
	"close_type" varchar(32),
	"hangup_cause" varchar(50),
	"hangup_code" varchar(64),
	"has_recording" boolean DEFAULT false NOT NULL,
	"ch_audio_url" text,
	"audio_url" varchar(512),
	"recording_duration" integer,
	"recording_size" bigint DEFAULT 0 NOT NULL,
	"cost" varchar(32),
	"cost_currency" varchar(8),
	"has_cdr" boolean DEFAULT false NOT NULL,
	"doubled" boolean DEFAULT false NOT NULL,
	"estimated" text[] DEFAULT '{}' NOT NULL,
	"latest_end" timestamp (3) with time zone,
	"merge" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"version" integer NOT NULL,
	"updated" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "call_records_tenant_call_id_pk" PRIMARY KEY("tenant","call_id")
);
--> statement-breakpoint
CREATE TABLE "accounts" (
	"id" varchar(32) NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"channel" varchar(8) NOT NULL,
	"key_hash" text NOT NULL,
	"webhook_token" varchar(40) NOT NULL,
	"created" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "accounts_id_pk" PRIMARY KEY("id"),
	CONSTRAINT "accounts_credentials" UNIQUE("tenant","channel","key_hash"),
	CONSTRAINT "accounts_webhook_token" UNIQUE("webhook_token")
);
--> statement-breakpoint
CREATE TABLE "agents" (
	"id" varchar(64) NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"name" varchar(100) NOT NULL,
	"phone" varchar(16),
	"phone_sealed" text,
	"phone_index" text,
	"seats_sealed" text,
	"created" timestamp (3) with time zone NOT NULL,
	"updated" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "agents_tenant_id_pk" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
CREATE TABLE "bindings" (
	"id" varchar(32) NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"user_id" varchar(64) NOT NULL,
	"agent_id" varchar(64),
	"channel" varchar(8),
	"line_id" integer,
	"priority" integer DEFAULT 100 NOT NULL,
	"privacy" boolean,
	"created" timestamp (3) with time zone NOT NULL,
	"updated" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "bindings_tenant_id_pk" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
CREATE TABLE "call_lines" (
	"id" integer GENERATED ALWAYS AS IDENTITY (sequence name "call_lines_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"tenant" varchar(32) NOT NULL,
	"account_id" varchar(32) NOT NULL,
	"name" varchar(100) NOT NULL,
	"provider_type" varchar(8) NOT NULL,
	"provider_config" text NOT NULL,
	"caller_number" varchar(20),
	"webhook_url" varchar(255),
	"webhook_secret" text,
	"status" varchar(8) DEFAULT 'active' NOT NULL,
	"health" varchar(8) DEFAULT 'up' NOT NULL,
	"max_concurrent" integer DEFAULT 0 NOT NULL,
	"daily_limit" integer DEFAULT 0 NOT NULL,
	"today_count" integer DEFAULT 0 NOT NULL,
	"last_reset_date" date,
	"price" jsonb,
	"created" timestamp (3) with time zone NOT NULL,
	"updated" timestamp (3) with time zone NOT NULL,
	"archived" timestamp (3) with time zone,
	CONSTRAINT "call_lines_tenant_id_pk" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
CREATE TABLE "phone_blacklist" (
	"id" varchar(32) NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"phone" varchar(16) NOT NULL,
	"phone_sealed" text NOT NULL,
	"phone_index" text NOT NULL,
	"reason" varchar(255),
	"expires" timestamp (3) with time zone,
	"created" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "phone_blacklist_tenant_id_pk" PRIMARY KEY("tenant","id"),
	CONSTRAINT "phone_blacklist_phone" UNIQUE("tenant","phone_index")
);
--> statement-breakpoint
CREATE TABLE "deliveries" (
	"day" date NOT NULL,
	"id" bigint DEFAULT nextval('delivery_ids') NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"account_id" varchar(32) NOT NULL,
	"channel" varchar(8) NOT NULL,
	"kind" varchar(32) NOT NULL,
	"source" varchar(8) NOT NULL,
	"received" timestamp (3) with time zone NOT NULL,
	"size" integer NOT NULL,
	"hash" text NOT NULL,
	"sealed" text NOT NULL,
	"defect" varchar(64),
	CONSTRAINT "deliveries_day_id_pk" PRIMARY KEY("day","id")
) PARTITION BY RANGE ("day");
--> statement-breakpoint
CREATE TABLE "deliveries_other" PARTITION OF "deliveries" DEFAULT;
--> statement-breakpoint
CREATE TABLE "events" (
	"month" date NOT NULL,
	"id" bigint DEFAULT nextval('event_ids') NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"call_id" varchar(64) NOT NULL,
	"attempt" smallint NOT NULL,
	"hash" varchar(22) NOT NULL,
	"kind" varchar(16) NOT NULL,
	"leg" varchar(1),
	"at" timestamp (3) with time zone NOT NULL,
	"authority" smallint NOT NULL,
	"value" jsonb NOT NULL,
	"received" timestamp (3) with time zone NOT NULL,
	"delivery_id" bigint,
	CONSTRAINT "events_month_call_id_hash_pk" PRIMARY KEY("month","call_id","hash")
) PARTITION BY RANGE ("month");
--> statement-breakpoint
CREATE TABLE "events_other" PARTITION OF "events" DEFAULT;
--> statement-breakpoint
CREATE TABLE "inbox_a" (
	"id" bigint NOT NULL,
	"day" date NOT NULL,
	CONSTRAINT "inbox_a_id_pk" PRIMARY KEY("id")
);
--> statement-breakpoint
CREATE TABLE "inbox_b" (
	"id" bigint NOT NULL,
	"day" date NOT NULL,
	CONSTRAINT "inbox_b_id_pk" PRIMARY KEY("id")
);
--> statement-breakpoint
CREATE TABLE "inbox_turn" (
	"one" smallint PRIMARY KEY NOT NULL,
	"active" varchar(1) NOT NULL
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"month" date NOT NULL,
	"id" bigint DEFAULT nextval('outbox_ids') NOT NULL,
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"call_id" varchar(64) NOT NULL,
	"version" integer NOT NULL,
	"topic" varchar(32) NOT NULL,
	"payload" text NOT NULL,
	"created" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "outbox_month_call_id_version_topic_pk" PRIMARY KEY("month","call_id","version","topic")
) PARTITION BY RANGE ("month");
--> statement-breakpoint
CREATE TABLE "outbox_other" PARTITION OF "outbox" DEFAULT;
--> statement-breakpoint
CREATE TABLE "parked" (
	"day" date NOT NULL,
	"id" bigint NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"account_id" varchar(32) NOT NULL,
	"reason" varchar(16) NOT NULL,
	"detail" varchar(200),
	"waits_for" varchar(256),
	"tries" smallint DEFAULT 0 NOT NULL,
	"parked_at" timestamp (3) with time zone NOT NULL,
	"due" timestamp (3) with time zone,
	CONSTRAINT "parked_day_id_pk" PRIMARY KEY("day","id")
);
--> statement-breakpoint
CREATE TABLE "polls" (
	"account_id" varchar(32) NOT NULL,
	"kind" varchar(8) NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"cursor" text,
	"due" timestamp (3) with time zone NOT NULL,
	"lease" timestamp (3) with time zone NOT NULL,
	"failures" smallint DEFAULT 0 NOT NULL,
	CONSTRAINT "polls_account_id_kind_pk" PRIMARY KEY("account_id","kind")
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" varchar(32) NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"name" varchar(100) NOT NULL,
	"hash" text NOT NULL,
	"hint" varchar(16) NOT NULL,
	"scopes" text[] NOT NULL,
	"created" timestamp (3) with time zone NOT NULL,
	"revoked" timestamp (3) with time zone,
	CONSTRAINT "api_keys_tenant_id_pk" PRIMARY KEY("tenant","id"),
	CONSTRAINT "api_keys_hash" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "idempotency" (
	"tenant" varchar(32) NOT NULL,
	"key" varchar(255) NOT NULL,
	"fingerprint" jsonb NOT NULL,
	"call_id" varchar(64) NOT NULL,
	"created" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "idempotency_tenant_key_pk" PRIMARY KEY("tenant","key")
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"scope" varchar(16) NOT NULL,
	"key" text NOT NULL,
	"slot" integer NOT NULL,
	"call_id" varchar(64),
	"until" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "leases_scope_key_slot_pk" PRIMARY KEY("scope","key","slot")
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" varchar(32) PRIMARY KEY NOT NULL,
	"name" varchar(100) NOT NULL,
	"settings" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"key_proof" text NOT NULL,
	"created" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "call_attempts_due" ON "call_attempts" USING btree ("follow_due") WHERE open and follow_due is not null;--> statement-breakpoint
CREATE INDEX "call_attempts_open" ON "call_attempts" USING btree ("account_id") WHERE open;--> statement-breakpoint
CREATE UNIQUE INDEX "call_records_call_id" ON "call_records" USING btree ("call_id");--> statement-breakpoint
CREATE INDEX "call_records_list" ON "call_records" USING btree ("tenant","created","call_id");--> statement-breakpoint
CREATE INDEX "call_records_biz" ON "call_records" USING btree ("tenant","biz_id","created") WHERE biz_id is not null;--> statement-breakpoint
CREATE INDEX "call_records_user" ON "call_records" USING btree ("tenant","user_id","created") WHERE user_id is not null;--> statement-breakpoint
CREATE INDEX "call_records_customer" ON "call_records" USING btree ("tenant","customer_id","created") WHERE customer_id is not null;--> statement-breakpoint
CREATE INDEX "call_records_order" ON "call_records" USING btree ("tenant","order_id","created") WHERE order_id is not null;--> statement-breakpoint
CREATE INDEX "call_records_line" ON "call_records" USING btree ("tenant","line_id","created");--> statement-breakpoint
CREATE INDEX "call_records_status" ON "call_records" USING btree ("tenant","status","created");--> statement-breakpoint
CREATE INDEX "call_records_called" ON "call_records" USING btree ("tenant","called_index","created");--> statement-breakpoint
CREATE INDEX "call_records_caller" ON "call_records" USING btree ("tenant","caller_index","created");--> statement-breakpoint
CREATE INDEX "call_records_latest_end" ON "call_records" USING btree ("latest_end") WHERE latest_end is not null;--> statement-breakpoint
CREATE INDEX "bindings_user" ON "bindings" USING btree ("tenant","user_id","priority");--> statement-breakpoint
CREATE INDEX "bindings_agent" ON "bindings" USING btree ("tenant","agent_id") WHERE agent_id is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "call_lines_id" ON "call_lines" USING btree ("id");--> statement-breakpoint
CREATE INDEX "call_lines_account" ON "call_lines" USING btree ("account_id");--> statement-breakpoint
CREATE INDEX "deliveries_account" ON "deliveries" USING btree ("account_id","day","id");--> statement-breakpoint
CREATE INDEX "events_call" ON "events" USING btree ("call_id","id");--> statement-breakpoint
CREATE INDEX "outbox_order" ON "outbox" USING btree ("xid","id");--> statement-breakpoint
CREATE INDEX "parked_waits_for" ON "parked" USING btree ("account_id","waits_for") WHERE waits_for is not null;--> statement-breakpoint
CREATE INDEX "parked_due" ON "parked" USING btree ("due") WHERE due is not null;--> statement-breakpoint
CREATE INDEX "parked_tenant" ON "parked" USING btree ("tenant","parked_at");--> statement-breakpoint
CREATE INDEX "polls_due" ON "polls" USING btree ("due");--> statement-breakpoint
CREATE INDEX "idempotency_created" ON "idempotency" USING btree ("created");--> statement-breakpoint
CREATE INDEX "leases_call" ON "leases" USING btree ("call_id") WHERE call_id is not null;--> statement-breakpoint
INSERT INTO "inbox_turn" ("one", "active") VALUES (1, 'a');
