import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { type Database, guard, type Query, statementDeadlineMs } from "./client.ts";
import { renderFast } from "./render.ts";
import { DatabaseError, toDatabaseError } from "./sql.ts";

export const migrationsFolder = fileURLToPath(new URL("./migrations", import.meta.url));
const migrationLock = 4_711_000;
const settingsThatMustBeOn = ["fsync", "full_page_writes", "synchronous_commit"] as const;

/** Opens a PostgreSQL server and brings its tables up to date. One start at a time migrates; the others wait. */
export async function openServer(url: string, options: { connectionsMax?: number } = {}): Promise<Database> {
  const client = postgres(url, {
    max: options.connectionsMax ?? 10,
    connect_timeout: 5,
    idle_timeout: 0,
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 0.5),
    onnotice: () => {},
    connection: {
      application_name: "hualu",
      statement_timeout: statementDeadlineMs,
      client_min_messages: "warning",
      // Every statement has its index. A plan that was made while the tables were empty would read them whole until
      // the next analyze, with prepared statements for as long as the connection lives.
      enable_seqscan: "off",
      // The same holds for joins: a batch is looked up row by row, where the planner, which takes any batch for a
      // hundred rows, would read a whole small table (measured: 80 instead of 14 pages a row at 6,000 rows).
      enable_hashjoin: "off",
      enable_mergejoin: "off",
      // Planning a statement anew costs more than running it, and its plan never depends on what it is asked for.
      plan_cache_mode: "force_generic_plan",
      // Compiling a plan takes longer than any of them runs.
      jit: "off",
    },
  });
  try {
    const [upToDate] = await Promise.all([isUpToDate(client), refuseUnsafe(client)]);
    if (!upToDate) await migrateOnce(url);
  } catch (error) {
    await client.end({ timeout: 1 });
    throw toDatabaseError(error);
  }
  return guard({
    kind: "server",
    connect: (beforeStatement) =>
      renderFast(drizzle({ client: preparing(client), logger: { logQuery: beforeStatement } })) as unknown as Query,
    close: () => client.end({ timeout: 5 }),
  });
}

type Statements = Pick<postgres.TransactionSql, "unsafe">;

/**
 * Has every statement prepared: its text is one of few, and planning costs more than running it. The driver itself
 * prepares only what it has written.
 */
function preparing(client: postgres.Sql): postgres.Sql {
  const unsafe = (query: string, values: never[]) => client.unsafe(query, values, { prepare: true });
  const begin = (work: (inner: Statements) => Promise<unknown>) => transaction(client, work);
  return new Proxy(client, {
    get(target, name) {
      if (name === "unsafe") return unsafe;
      return name === "begin" ? begin : Reflect.get(target, name);
    },
  });
}

/**
 * The driver's transaction, with two things put right. What is asked of it once it is over, as by work that goes on
 * after its connection was lost, would reach a connection that is somebody else's. And of statements that leave
 * together the one that failed is told, not those behind it, which fail because it did.
 */
async function transaction(client: postgres.Sql, work: (inner: Statements) => Promise<unknown>): Promise<unknown> {
  let over = false;
  let first: unknown = null;
  const begun = client.begin((inner) => {
    const unsafe = (query: string, values: never[]) => {
      if (over) throw new DatabaseError("misuse", null, "a statement behind its transaction's end");
      const asked = inner.unsafe(query, values, { prepare: true });
      asked.catch((error: unknown) => {
        first ??= error;
      });
      return asked;
    };
    return work({ unsafe: unsafe as Statements["unsafe"] });
  });
  try {
    return await begun;
  } catch (error) {
    const told = toDatabaseError(error);
    throw told instanceof DatabaseError && told.code === failedBefore ? (first ?? error) : error;
  } finally {
    over = true;
  }
}

/** SQLSTATE of a statement in a transaction in which another one has failed. */
const failedBefore = "25P02";

/** A server that answers before the disk has it would break "stored, then answered". */
async function refuseUnsafe(client: postgres.Sql): Promise<void> {
  const [row] = await client<{ off: string[] }[]>`
    select array(select name from unnest(string_to_array(${settingsThatMustBeOn.join(",")}, ',')) as name
      where current_setting(name) = 'off') as off`;
  const [name] = row?.off ?? [];
  if (name !== undefined)
    throw new Error(`PostgreSQL runs with ${name} = off: turn it on, Hualu acknowledges what is durable`);
}

/** Most starts find nothing to migrate: one look instead of a lock, a second connection and the migrator's code. */
async function isUpToDate(client: postgres.Sql): Promise<boolean> {
  const [there] = await client<{ table: string | null }[]>`select to_regclass('__drizzle_migrations') as table`;
  if (there?.table == null) return false;
  const [last] = await client<{ created_at: string }[]>`
    select created_at from __drizzle_migrations order by created_at desc limit 1`;
  const journal = JSON.parse(readFileSync(`${migrationsFolder}/meta/_journal.json`, "utf8")) as {
    entries: { when: number }[];
  };
  return Number(last?.created_at ?? 0) >= Math.max(...journal.entries.map(({ when }) => when));
}

/** On a connection of its own, since the lock belongs to its session and migrations may take long. */
async function migrateOnce(url: string): Promise<void> {
  const { migrate } = await import("drizzle-orm/postgres-js/migrator");
  const client = postgres(url, {
    max: 1,
    connect_timeout: 5,
    onnotice: () => {},
    connection: { application_name: "hualu migration" },
  });
  try {
    await client`select pg_advisory_lock(${migrationLock})`;
    const [row] = await client<{ schema: string }[]>`select current_schema() as schema`;
    await migrate(drizzle({ client }), { migrationsFolder, migrationsSchema: row?.schema ?? "public" });
  } finally {
    await client.end({ timeout: 5 });
  }
}
