CREATE TABLE "tickets" (
	"hash" text PRIMARY KEY NOT NULL,
	"tenant" varchar(32) NOT NULL,
	"key_id" varchar(32) NOT NULL,
	"user_id" varchar(64),
	"scopes" text[] NOT NULL,
	"until" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "tickets_until" ON "tickets" USING btree ("until");--> statement-breakpoint
CREATE INDEX "tickets_tenant" ON "tickets" USING btree ("tenant","until");