ALTER TABLE "call_records" SET (fillfactor = 60);
