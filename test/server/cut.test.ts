/** A transaction whose connection ends under it: nothing of it stays, and its statements reach no other connection. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { openServer } from "../../db/server.ts";
import { rows } from "../../db/sql.ts";
import { openTestDatabase, type TestDatabase } from "../database.ts";
import { startTimeoutMs } from "../service.ts";

let on: TestDatabase;
let db: Awaited<ReturnType<typeof openServer>>;
beforeAll(async () => {
  on = await openTestDatabase();
  await on.db.run((q) => q.execute(sql`create table cut (n int)`));
  // One connection: what is asked next must come by the one that was cut, made anew.
  db = await openServer(on.url ?? "", { connectionsMax: 1 });
}, startTimeoutMs);
afterAll(async () => {
  await db.close();
  await on.close();
}, startTimeoutMs);

/** What was cut goes on for so long: by then its further statements have been tried. */
const strayMs = 100;
const add = (q: Query, n: number) => q.execute(sql`insert into cut values (${n}::int)`);
async function written(): Promise<number[]> {
  await Bun.sleep(2 * strayMs);
  const found = await on.db.run((q) => q.execute(sql`select n from cut order by n`));
  return rows<{ n: number }>(found).map(({ n }) => n);
}

/** Ends the transaction's connection from outside, and goes on a moment later. */
async function cut(q: Query): Promise<void> {
  const [own] = rows<{ pid: number }>(await q.execute(sql`select pg_backend_pid() as pid`));
  const outside = await openServer(on.url ?? "", { connectionsMax: 1 });
  await outside.run((other) => other.execute(sql`select pg_terminate_backend(${own?.pid ?? 0}::int)`));
  await outside.close();
  await Bun.sleep(strayMs);
}

const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error) => error,
  );

test("between two statements", async () => {
  const failure = await failureOf(
    db.tx(async (q) => {
      await add(q, 1);
      await cut(q);
      await add(q, 2);
    }),
  );
  expect(failure).toMatchObject({ name: "DatabaseError", code: "unreachable" });
  await db.run((q) => add(q, 3));
  expect(await written()).toEqual([3]);
});

test("under statements that leave together", async () => {
  const failure = await failureOf(
    db.tx(async (q) => {
      await add(q, 4);
      await Promise.all([cut(q), add(q, 5)]);
      await add(q, 6);
    }),
  );
  expect(failure).toMatchObject({ name: "DatabaseError", code: "unreachable" });
  await db.tx((q) => add(q, 7));
  expect(await written()).toEqual([3, 7]);
});
