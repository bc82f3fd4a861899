CREATE TABLE "limit_counts" (
	"scope" varchar(8) NOT NULL,
	"key" text NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"recent" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"day" varchar(10) NOT NULL,
	"today" integer NOT NULL,
	CONSTRAINT "limit_counts_scope_key_pk" PRIMARY KEY("scope","key")
);
--> statement-breakpoint
ALTER TABLE "call_attempts" ADD COLUMN "held_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "call_records" ADD COLUMN "rings_nobody" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "call_records" ADD COLUMN "queued_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "call_lines" ADD COLUMN "per_second" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "call_attempts_in_use" ON "call_attempts" USING btree ("tenant","line_id") WHERE open or held_until is not null;--> statement-breakpoint
CREATE INDEX "call_records_queued" ON "call_records" USING btree ("created") WHERE queued_until is not null;