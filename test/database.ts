/**
 * A database for one test file: on a server (TEST_DATABASE_URL, else a container where Docker answers) a copy of a
 * migrated template; otherwise a schema of the one PGlite that all files of a run share.
 */
import { randomBytes } from "node:crypto";
import type { PGlite } from "@electric-sql/pglite";
import postgres from "postgres";
import type { Database } from "../db/client.ts";
import { openPglite } from "../db/embedded.ts";
import { openServer } from "../db/server.ts";
import { rows } from "../db/sql.ts";
import { containerUrl } from "./container.ts";
import { copyOfTemplate } from "./template.ts";

export interface TestDatabase {
  db: Database;
  /** Opens the same database once more, as a second instance or a restarted one would. */
  reopen(): Promise<Database>;
  /** Closes whatever is still open, and removes the database. */
  close(): Promise<void>;
  /** Every value of every table as text, for tests that look for what must not be there. */
  dump(): Promise<string>;
  /** Where a process of its own reaches this database; null on PGlite. */
  url: string | null;
}

/** Runs a statement whose columns are all text. */
type Ask = (statement: string) => Promise<Record<string, string>[]>;

export async function openTestDatabase(): Promise<TestDatabase> {
  const server = process.env.TEST_DATABASE_URL ?? (await containerUrl());
  return server === null ? onPglite() : onServer(server);
}

let shared: Promise<PGlite> | null = null;
let sharedIsTaken = false;

async function newPglite(): Promise<PGlite> {
  const { PGlite } = await import("@electric-sql/pglite");
  return PGlite.create();
}

/** PGlite has one session with one search path: a second database at the same time takes an engine of its own. */
async function onPglite(): Promise<TestDatabase> {
  const own = sharedIsTaken;
  if (!own) {
    sharedIsTaken = true;
    shared ??= newPglite();
  }
  const client = own ? await newPglite() : await (shared as Promise<PGlite>);
  const schema = `test_${randomBytes(6).toString("hex")}`;
  const opened: Database[] = [];
  async function reopen(): Promise<Database> {
    const db = await openPglite(client, schema, async () => {});
    opened.push(db);
    return db;
  }
  return {
    db: await reopen(),
    reopen,
    url: null,
    dump: () => dumpOf(schema, async (statement) => rows(await client.query(statement))),
    async close() {
      await Promise.all(opened.map((db) => db.close()));
      if (own) return client.close();
      await client.exec(`drop schema "${schema}" cascade`);
      sharedIsTaken = false;
    },
  };
}

async function onServer(server: string): Promise<TestDatabase> {
  const { url, drop } = await copyOfTemplate(server);
  const opened: Database[] = [];
  async function reopen(): Promise<Database> {
    const db = await openServer(url, { connectionsMax: 8 });
    opened.push(db);
    return db;
  }
  return {
    db: await reopen(),
    reopen,
    url,
    async dump() {
      const client = postgres(url, { max: 1, onnotice: () => {} });
      try {
        return await dumpOf("public", async (statement) => await client.unsafe(statement));
      } finally {
        await client.end();
      }
    },
    async close() {
      await Promise.all(opened.map((db) => db.close()));
      await drop();
    },
  };
}

async function dumpOf(schema: string, ask: Ask): Promise<string> {
  const tables = await ask(
    `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = '${schema}' and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
  );
  const parts: string[] = [];
  for (const { name } of tables) {
    const found = await ask(`select to_json(t)::text as line from "${schema}"."${name}" t`);
    parts.push(`${name}\n${found.map(({ line }) => line).join("\n")}`);
  }
  return parts.join("\n\n");
}
