import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sql } from "drizzle-orm";
import fc from "fast-check";
import type { Query } from "../../db/client.ts";
import { tenants } from "../../db/schema/index.ts";
import { changed, type DatabaseError, rows, textArray, violated } from "../../db/sql.ts";
import { openTestDatabase, type TestDatabase } from "../database.ts";
import { startTimeoutMs } from "../service.ts";

let on: TestDatabase;
beforeAll(async () => {
  on = await openTestDatabase();
}, startTimeoutMs);
afterAll(() => on.close(), startTimeoutMs);

const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error) => error,
  );
const tenant = (id: string, name = "N") => ({ id, name, keyProof: "p", created: new Date() });

test("a statement past an open transaction, and a transaction in one, are refused at once", async () => {
  const past = await failureOf(on.db.tx(() => on.db.run((q) => q.execute(sql`select 1`))));
  const inside = await failureOf(on.db.tx(() => on.db.tx((q) => q.execute(sql`select 1`))));
  for (const error of [past, inside]) expect(error).toMatchObject({ name: "DatabaseError", code: "misuse" });
  // And the handle is as good as before.
  expect(rows<{ one: number }>(await on.db.run((q) => q.execute(sql`select 1 as one`)))).toHaveLength(1);
});

test("a transaction whose work throws leaves nothing behind, and the error comes out as it was", async () => {
  const thrown = new Error("ours");
  const failure = await failureOf(
    on.db.tx(async (q) => {
      await q.insert(tenants).values(tenant("gone"));
      throw thrown;
    }),
  );
  expect(failure).toBe(thrown);
  expect(await on.db.run((q) => q.select().from(tenants).where(sql`id = 'gone'`))).toEqual([]);
});

test("a violation names its constraint, and no parameter gets out with the error", async () => {
  const secret = "canary-4711-secret";
  await on.db.run((q) => q.insert(tenants).values(tenant("twice", secret)));
  const failure = await failureOf(on.db.run((q) => q.insert(tenants).values(tenant("twice", secret))));
  expect(violated(failure, "tenants_pkey")).toBe(true);
  expect(violated(failure, "another")).toBe(false);
  const error = failure as DatabaseError;
  expect(error.statement).toContain("insert into");
  const told = [error.message, error.stack, JSON.stringify(error), String(error.cause)].join(" ");
  expect(told).not.toContain(secret);
});

test("whatever text is bound as an array comes back as it was", async () => {
  const texts = fc.array(
    fc.option(
      fc.string({ unit: "binary", maxLength: 30 }).filter((text) => !text.includes("\0") && text.isWellFormed()),
    ),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(texts, async (values) => {
      const found = await on.db.run((q) =>
        q.execute(sql`select value from unnest(${textArray(values)}) with ordinality as u(value, n) order by n`),
      );
      expect(rows<{ value: string | null }>(found).map((row) => row.value)).toEqual(values);
    }),
    { numRuns: 200, seed: 3 },
  );
});

describe("a transaction", () => {
  const add = (q: Query, id: string) => q.insert(tenants).values(tenant(id));
  const there = async (...ids: string[]): Promise<string[]> => {
    const found = await on.db.run((q) => q.select({ id: tenants.id }).from(tenants));
    return ids.filter((id) => found.some((row) => row.id === id));
  };

  test("whose statements leave together tells which of them failed, and keeps none", async () => {
    const together = on.db.tx(async (q) => {
      await add(q, "half-1");
      const later = [add(q, "half-1"), add(q, "half-2"), add(q, "half-3")];
      // Those behind fail because it did, and may be heard of first.
      await Promise.all([Promise.all([add(q, "half-4"), later[0]]).then(() => 1), ...later.slice(1)]);
    });
    const failure = await failureOf(together);
    expect(violated(failure, "tenants_pkey")).toBe(true);
    expect(await there("half-1", "half-2", "half-3", "half-4")).toEqual([]);
  });

  test("that is over takes no further statement", async () => {
    let kept: Query | null = null;
    await on.db.tx(async (q) => {
      kept = q;
      await add(q, "in-time");
    });
    const late = kept as Query | null;
    if (late === null) throw new Error("there was no handle");
    expect(await failureOf(Promise.resolve(add(late, "too-late")))).not.toBeNull();
    expect(await there("in-time", "too-late")).toEqual(["in-time"]);
  });
});

test("changed counts what a statement changed", async () => {
  await on.db.run((q) => q.insert(tenants).values([tenant("c1"), tenant("c2")]));
  expect(
    changed(await on.db.run((q) => q.execute(sql`update tenants set name = 'X' where id in ('c1', 'c2', 'c3')`))),
  ).toBe(2);
});

test("a closed database says so", async () => {
  const second = await on.reopen();
  await second.close();
  await second.close();
  expect(await failureOf(second.run((q) => q.execute(sql`select 1`)))).toMatchObject({ code: "closed" });
});
