/** The only place that knows how two drivers return rows, how batches are bound, and how a violation looks. */
import { type SQL, sql } from "drizzle-orm";

/** Rows of a raw statement. The caller states their shape: it stands in the SQL right beside the call. */
export function rows<Row>(result: unknown): Row[] {
  if (Array.isArray(result)) return result as Row[];
  return (result as { rows: Row[] }).rows;
}

/** How many rows a raw statement changed. */
export function changed(result: unknown): number {
  if (Array.isArray(result)) return (result as unknown as { count: number }).count;
  return (result as { affectedRows?: number }).affectedRows ?? 0;
}

/**
 * One column of a batch as `text[]`, to be cast in the statement (`unnest(…::text[])` then `x::bigint`). Both drivers
 * encode text arrays alike; nothing else is bound as an array.
 */
export function textArray(values: readonly (string | number | boolean | Date | null)[]): SQL {
  return sql`${sql.param(encodeArray(values))}::text[]`;
}

function encodeArray(values: readonly (string | number | boolean | Date | null)[]): string {
  const parts = values.map((value) => {
    if (value === null) return "NULL";
    const text = value instanceof Date ? value.toISOString() : String(value);
    return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  });
  return `{${parts.join(",")}}`;
}

/** A failure of the database, without the statement's parameters: drizzle's own message would hold every one of them. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
  /** SQLSTATE, or `deadline`, `unreachable`, `closed`, `misuse`. */
  readonly code: string;
  readonly constraint: string | null;
  /** The first words of the statement; parameters are placeholders. */
  readonly statement: string | null;

  constructor(code: string, constraint: string | null, statement: string | null) {
    super(
      `database: ${code}${constraint === null ? "" : ` on ${constraint}`}${statement === null ? "" : ` in "${statement}"`}`,
    );
    this.code = code;
    this.constraint = constraint;
    this.statement = statement;
  }
}

/** True where an error is a violation of the named constraint or index. */
export function violated(error: unknown, constraint: string): boolean {
  return error instanceof DatabaseError && error.code === "23505" && error.constraint === constraint;
}

const disconnections = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EPIPE",
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "57P01",
  "57P02",
  "57P03",
]);

/** True where the database was away, rather than the statement wrong. */
export function databaseAway(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === "deadline" || error.code === "unreachable");
}

/** Turns what a driver threw into a DatabaseError; anything that is not the database's own passes as it is. */
export function toDatabaseError(error: unknown): unknown {
  let statement: string | null = null;
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth++) {
    if (at instanceof DatabaseError) return at;
    if ("query" in at && typeof at.query === "string") statement = at.query.replace(/\s+/g, " ").trim().slice(0, 80);
    if ("code" in at && typeof at.code === "string" && (/^[0-9A-Z]{5}$/.test(at.code) || disconnections.has(at.code))) {
      const code = disconnections.has(at.code) ? "unreachable" : at.code;
      return new DatabaseError(code, constraintOf(at), statement);
    }
  }
  return statement === null ? error : new DatabaseError("unreachable", null, statement);
}

function constraintOf(error: Error): string | null {
  if ("constraint_name" in error && typeof error.constraint_name === "string") return error.constraint_name;
  return "constraint" in error && typeof error.constraint === "string" ? error.constraint : null;
}
