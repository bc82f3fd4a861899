import { AsyncLocalStorage } from "node:async_hooks";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { DatabaseError, toDatabaseError } from "./sql.ts";

/** What statements are run on: a transaction's handle, or the pool for single statements. */
export type Query = PgDatabase<PgQueryResultHKT>;

export interface Database {
  readonly kind: "embedded" | "server";
  /** One transaction; all its statements go through the handle it is given. */
  tx<T>(work: (q: Query) => Promise<T>): Promise<T>;
  /** Statements that each commit by themselves. */
  run<T>(work: (q: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A driver as `guard` takes it: drizzle on a client, with a hook before each statement. */
export interface Driver {
  readonly kind: Database["kind"];
  connect(beforeStatement: (statement: string) => void): Query;
  close(): Promise<void>;
}

/** No statement is waited for longer. A server that is frozen answers nothing, not even a cancel. */
export const statementDeadlineMs = 5_000;

interface Unit {
  dead: boolean;
  touch(): void;
}

/**
 * Puts the rules that both drivers share around one: a deadline on every statement, no transaction inside another and
 * no statement past the open one (on one connection that would wait for itself for ever), errors without parameters.
 */
export function guard(driver: Driver): Database {
  const current = new AsyncLocalStorage<Unit>();
  const query = driver.connect(() => {
    const unit = current.getStore();
    if (unit?.dead) throw new DatabaseError("deadline", null, null);
    unit?.touch();
  });
  let closed = false;

  async function within<T>(begin: (unit: Unit) => Promise<T>): Promise<T> {
    if (current.getStore() !== undefined)
      throw new DatabaseError("misuse", null, "a statement past an open transaction");
    if (closed) throw new DatabaseError("closed", null, null);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const deadline = setTimeout(() => {
          unit.dead = true;
          reject(new DatabaseError("deadline", null, null));
        }, statementDeadlineMs);
        timer = deadline;
        const unit: Unit = { dead: false, touch: () => void deadline.refresh() };
        current.run(unit, begin, unit).then(resolve, reject);
      });
    } catch (error) {
      throw toDatabaseError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    kind: driver.kind,
    run: (work) => within(() => work(query)),
    tx: (work) =>
      within((unit) =>
        query.transaction(async (q) => {
          const result = await work(q as unknown as Query);
          // Whoever asked has been told that it failed: what answers late must not be committed.
          if (unit.dead) throw new DatabaseError("deadline", null, null);
          return result;
        }),
      ),
    async close() {
      if (closed) return;
      closed = true;
      await driver.close();
    },
  };
}
