ALTER TABLE "call_lines" DROP COLUMN "today_count";--> statement-breakpoint
ALTER TABLE "call_lines" DROP COLUMN "last_reset_date";