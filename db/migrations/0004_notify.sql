CREATE TABLE "notifications" (
	"month" date NOT NULL,
	"subscription_id" varchar(32) NOT NULL,
	"seq" bigint NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"call_id" varchar(64) NOT NULL,
	"version" integer NOT NULL,
	"topic" varchar(32) NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"state" varchar(16) NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL,
	"failing_since" timestamp (3) with time zone,
	"attempts" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"queued" timestamp (3) with time zone NOT NULL,
	"finished" timestamp (3) with time zone,
	CONSTRAINT "notifications_subscription_id_seq_month_pk" PRIMARY KEY("subscription_id","seq","month")
) PARTITION BY RANGE ("month");
--> statement-breakpoint
CREATE TABLE "notifications_other" PARTITION OF "notifications" DEFAULT;
--> statement-breakpoint
CREATE TABLE "notify_cursor" (
	"one" smallint PRIMARY KEY NOT NULL,
	"cursor" text NOT NULL,
	"holder" varchar(32),
	"lease" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "notify_lanes" (
	"tenant" varchar(32) NOT NULL,
	"subscription_id" varchar(32) NOT NULL,
	"call_id" varchar(64) NOT NULL,
	"changes" integer NOT NULL,
	"since" timestamp (3) with time zone NOT NULL,
	"due" timestamp (3) with time zone NOT NULL,
	"claim" varchar(32),
	CONSTRAINT "notify_lanes_subscription_id_call_id_pk" PRIMARY KEY("subscription_id","call_id")
);
--> statement-breakpoint
CREATE TABLE "subscriptions" (
	"tenant" varchar(32) NOT NULL,
	"id" varchar(32) NOT NULL,
	"url_sealed" text NOT NULL,
	"events" text[] NOT NULL,
	"active" boolean NOT NULL,
	"description" varchar(200),
	"secrets_sealed" text NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"failing_since" timestamp (3) with time zone,
	"open_until" timestamp (3) with time zone,
	"gone" timestamp (3) with time zone,
	"created" timestamp (3) with time zone NOT NULL,
	"updated" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "subscriptions_tenant_id_pk" PRIMARY KEY("tenant","id")
);
--> statement-breakpoint
CREATE INDEX "notifications_pending" ON "notifications" USING btree ("subscription_id","call_id","seq") WHERE state = 'pending';--> statement-breakpoint
CREATE INDEX "notifications_dead" ON "notifications" USING btree ("subscription_id","seq") WHERE state = 'dead';--> statement-breakpoint
CREATE INDEX "notify_lanes_due" ON "notify_lanes" USING btree ("subscription_id","due");--> statement-breakpoint
CREATE UNIQUE INDEX "subscriptions_id" ON "subscriptions" USING btree ("id");--> statement-breakpoint
CREATE INDEX "subscriptions_tenant" ON "subscriptions" USING btree ("tenant","created","id");