import { AsyncLocalStorage } from "node:async_hooks";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { DatabaseError, toDatabaseError } from "./sql.ts";

/** What statements are run on: a transaction's handle, or the pool for single statements. */
export type Query = PgDatabase<PgQueryResultHKT>;

export interface Database {
  readonly kind: "embedded" | "server";
  /** One transaction; all its statements go through the handle it is given. */
  tx<T>(work: (q: Query) => Promise<T | Closing<T>>): Promise<T>;
  /**
   * One transaction that begins with `lock`, which only locks and reads: its statements may leave before the
   * transaction is known to be open, since outside of one they would change nothing. `work` runs once it is.
   */
  txLocking<L, T>(lock: (q: Query) => Promise<L>, work: (q: Query, locked: L) => Promise<T | Closing<T>>): Promise<T>;
  /** Statements that each commit by themselves. */
  run<T>(work: (q: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** What a transaction's work returns once its last statements are under way: the commit leaves right behind them. */
export class Closing<T> {
  readonly last: Promise<T>;

  /** A statement runs once for everybody who waits for it: what is waited for from here on is a promise. */
  constructor(last: PromiseLike<T>) {
    this.last = Promise.resolve(last);
    // Whoever commits waits for it; until then a failure has a listener.
    this.last.catch(() => {});
  }
}

/** A driver as `guard` takes it: drizzle on a client. */
export interface Driver {
  readonly kind: Database["kind"];
  connect(hooks: Hooks): Connected;
  close(): Promise<void>;
}

export interface Hooks {
  beforeStatement(statement: string): void;
  /** A transaction's `begin` has left; it is open when this resolves. */
  beginning(open: Promise<unknown>): void;
}

export interface Connected {
  query: Query;
  /** The same, whose transactions do not wait for their `begin`. */
  eager: Query;
}

/** No statement is waited for longer. A server that is frozen answers nothing, not even a cancel. */
export const statementDeadlineMs = 5_000;

interface Unit {
  dead: boolean;
  opened: Promise<unknown> | null;
  touch(): void;
}

/**
 * Puts the rules that both drivers share around one: a deadline on every statement, no transaction inside another and
 * no statement past the open one (on one connection that would wait for itself for ever), errors without parameters.
 */
export function guard(driver: Driver): Database {
  const current = new AsyncLocalStorage<Unit>();
  const { query, eager } = driver.connect({
    beforeStatement() {
      const unit = current.getStore();
      if (unit?.dead) throw new DatabaseError("deadline", null, null);
      unit?.touch();
    },
    beginning(open) {
      const unit = current.getStore();
      if (unit !== undefined) unit.opened = open;
    },
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
        const unit: Unit = { dead: false, opened: null, touch: () => void deadline.refresh() };
        current.run(unit, begin, unit).then(resolve, reject);
      });
    } catch (error) {
      throw toDatabaseError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  async function transaction<T>(on: Query, work: (q: Query, unit: Unit) => Promise<T | Closing<T>>): Promise<T> {
    return within(async (unit) => {
      const result = await on.transaction(async (q) => {
        const result = await work(q as unknown as Query, unit);
        // Whoever asked has been told that it failed: what answers late must not be committed.
        if (unit.dead) throw new DatabaseError("deadline", null, null);
        if (driver.kind === "embedded" && result instanceof Closing) await result.last;
        return result;
      });
      return result instanceof Closing ? result.last : result;
    });
  }

  return {
    kind: driver.kind,
    run: (work) => within(() => work(query)),
    tx: (work) => transaction(query, work),
    txLocking: (lock, work) =>
      transaction(eager, async (q, unit) => {
        const [locked] = await Promise.all([lock(q), unit.opened]);
        return work(q, locked);
      }),
    async close() {
      if (closed) return;
      closed = true;
      await driver.close();
    },
  };
}
