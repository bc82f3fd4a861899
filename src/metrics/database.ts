import type { Database } from "../../db/client.ts";
import { DatabaseError } from "../../db/sql.ts";

/** The same database, whose failures are told: deadline, unreachable, closed, misuse, or a SQLSTATE. */
export function watchDatabase(db: Database, failed: (code: string) => void): Database {
  async function watched<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof DatabaseError) failed(error.code);
      throw error;
    }
  }
  return {
    kind: db.kind,
    tx: (work) => watched(db.tx(work)),
    run: (work) => watched(db.run(work)),
    close: () => db.close(),
  };
}
