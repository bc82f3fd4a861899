CREATE TABLE "line_health" (
	"tenant" varchar(32) NOT NULL,
	"line_id" integer NOT NULL,
	"health" jsonb NOT NULL,
	"version" integer NOT NULL,
	"writer" varchar(16) NOT NULL,
	"updated" timestamp (3) with time zone NOT NULL,
	"trial_from" timestamp (3) with time zone,
	"trial_call" varchar(64),
	"trial_until" timestamp (3) with time zone,
	"probe_due" timestamp (3) with time zone NOT NULL,
	"transitions" jsonb DEFAULT '[]'::jsonb NOT NULL,
	CONSTRAINT "line_health_tenant_line_id_pk" PRIMARY KEY("tenant","line_id")
);
--> statement-breakpoint
CREATE INDEX "line_health_updated" ON "line_health" USING btree ("updated");--> statement-breakpoint
CREATE INDEX "line_health_probe_due" ON "line_health" USING btree ("probe_due");