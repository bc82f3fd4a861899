DROP INDEX "deliveries_account";--> statement-breakpoint
ALTER TABLE "deliveries" DROP COLUMN "hash";