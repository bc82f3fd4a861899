import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import { type Database, guard, type Query, statementDeadlineMs } from "./client.ts";
import * as schema from "./schema/index.ts";
import { toDatabaseError } from "./sql.ts";

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
    connection: { application_name: "hualu", statement_timeout: statementDeadlineMs, client_min_messages: "warning" },
  });
  try {
    await refuseUnsafe(client);
    await migrateOnce(url);
  } catch (error) {
    await client.end({ timeout: 1 });
    throw toDatabaseError(error);
  }
  return guard({
    kind: "server",
    connect: (beforeStatement) =>
      drizzle({ client: preparing(client), schema, logger: { logQuery: beforeStatement } }) as unknown as Query,
    close: () => client.end({ timeout: 5 }),
  });
}

/**
 * Has every statement prepared: its text is one of few, and planning costs more than running it. The driver itself
 * prepares only what it has written.
 */
function preparing<Client extends postgres.Sql | postgres.TransactionSql>(client: Client): Client {
  return new Proxy(client, {
    get(target, name) {
      if (name === "unsafe") {
        return (query: string, values: never[]) => target.unsafe(query, values, { prepare: true });
      }
      if (name === "begin" && "begin" in target) {
        return (work: (inner: postgres.TransactionSql) => unknown) => target.begin((inner) => work(preparing(inner)));
      }
      return Reflect.get(target, name);
    },
  });
}

/** A server that answers before the disk has it would break "stored, then answered". */
async function refuseUnsafe(client: postgres.Sql): Promise<void> {
  for (const name of settingsThatMustBeOn) {
    const [row] = await client<{ value: string }[]>`select current_setting(${name}) as value`;
    if (row?.value === "off")
      throw new Error(`PostgreSQL runs with ${name} = off: turn it on, Hualu acknowledges what is durable`);
  }
}

/** On a connection of its own, since the lock belongs to its session and migrations may take long. */
async function migrateOnce(url: string): Promise<void> {
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
