import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import { drizzle } from "drizzle-orm/pglite";
import { migrate } from "drizzle-orm/pglite/migrator";
import { type Database, guard, type Query } from "./client.ts";
import { holdFolder } from "./lock.ts";
import { migrationsFolder } from "./server.ts";

/** Opens the database that lives in a folder of ours: one process, one machine, to try out and for small offices. */
export async function openEmbedded(folder: string): Promise<Database> {
  const path = join(folder, "pg");
  mkdirSync(path, { recursive: true });
  const release = await holdFolder(folder);
  const { PGlite } = await import("@electric-sql/pglite");
  const client = new PGlite(path);
  await client.waitReady;
  return openPglite(client, "public", async () => {
    await client.close();
    await release();
  });
}

/** Takes over a PGlite that somebody else made, in one of its schemas; the tests' files share one that way. */
export async function openPglite(client: PGlite, inSchema: string, close: () => Promise<void>): Promise<Database> {
  await client.exec(
    `create schema if not exists "${inSchema}"; set search_path to "${inSchema}"; set timezone to 'UTC';`,
  );
  await migrate(drizzle({ client }), { migrationsFolder, migrationsSchema: inSchema });
  return guard({
    kind: "embedded",
    connect: (beforeStatement) => drizzle({ client, logger: { logQuery: beforeStatement } }) as unknown as Query,
    close,
  });
}
