/** One transaction on a connection of postgres.js, in as few exchanges as it allows. */
import type postgres from "postgres";
import { Closing } from "./client.ts";
import { DatabaseError } from "./sql.ts";

/** As much of a client as drizzle asks statements of. */
export type Statements = Pick<postgres.Sql, "unsafe" | "options">;

/** What the driver tells of a connection under its own hands; its types leave it out. */
interface Connection {
  onclose: ((reason: unknown) => void) | null;
}

export interface Begin {
  /** Statements may follow `begin` before it is answered; else nothing does. */
  eager: boolean;
  /** Told of each `begin` as it leaves. */
  beginning(open: Promise<unknown>): void;
}

/**
 * Runs `work` between `begin` and `commit`. Where it returns a `Closing`, the commit leaves behind the statements that
 * are under way by then: one of them that fails turns it into a rollback on the server.
 */
export async function transact<T>(
  client: postgres.Sql,
  { eager, beginning }: Begin,
  work: (inner: Statements) => Promise<T>,
): Promise<T> {
  const connection = await client.reserve();
  const lost = Promise.withResolvers<never>();
  /** Why no further statement may leave. */
  let failed: unknown = null;
  /** Past its end the connection is somebody else's. */
  let over = false;
  let gone = false;
  const end = (why: unknown): void => {
    failed ??= why;
    lost.reject(failed);
  };
  lost.promise.catch(() => {});
  const onexecute = (of: Connection): boolean => {
    of.onclose = (why) => {
      gone = true;
      end(why);
    };
    return true;
  };
  const begun = connection.unsafe("begin", [], { onexecute } as postgres.UnsafeQueryOptions).execute();
  begun.catch(end);
  beginning(begun);
  const inner: Statements = {
    options: client.options,
    unsafe(query, values, options) {
      if (failed !== null) throw failed;
      if (over) throw new DatabaseError("misuse", null, "a statement behind its transaction's end");
      return connection.unsafe(query, values, options);
    },
  };
  try {
    if (!eager) await begun;
    const result = await Promise.race([work(inner), lost.promise]);
    await begun;
    // Statements reach the connection a few steps after they were asked for: by the next turn they all have.
    if (result instanceof Closing) await new Promise((turn) => setImmediate(turn));
    if (failed !== null) throw failed;
    over = true;
    const committed = connection.unsafe("commit", [], { prepare: true, simple: false } as postgres.UnsafeQueryOptions);
    const [{ command }] = await Promise.all([
      committed,
      result instanceof Closing ? Promise.race([result.last, lost.promise]) : null,
    ]);
    if (command !== "COMMIT") throw new DatabaseError("25P02", null, "commit");
    return result;
  } catch (error) {
    over = true;
    if (!gone) await connection.unsafe("rollback").catch(() => {});
    throw error;
  } finally {
    if (!gone) connection.release();
  }
}
