CREATE TABLE "feed_epoch" (
	"one" smallint PRIMARY KEY NOT NULL,
	"epoch" varchar(32) NOT NULL
);
--> statement-breakpoint
ALTER TABLE "call_records" ADD COLUMN "finalized" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "call_records" ADD COLUMN "finalize_due" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "call_records_finalize_due" ON "call_records" USING btree ("finalize_due") WHERE finalize_due is not null;--> statement-breakpoint
CREATE INDEX "outbox_tenant" ON "outbox" USING btree ("tenant","xid","id");--> statement-breakpoint
INSERT INTO "feed_epoch" ("one", "epoch") VALUES (1, md5(random()::text || clock_timestamp()::text));
