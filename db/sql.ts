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

type Cell = string | number | boolean | Date | null;

const between = "\x1f";
const nothing = "\x1e";

/**
 * One column of a batch as an array of text, to be cast in the statement (`unnest(…)` then `x::bigint`). Nothing else
 * is bound as an array: both drivers encode text alike. The server takes a plain split twice as fast as an array
 * literal (measured: 17 against 37 µs a delivery), so the literal is left for texts that hold one of the separators.
 */
export function textArray(values: readonly Cell[]): SQL {
  const texts = values.map((value) =>
    value instanceof Date ? value.toISOString() : value === null ? null : String(value),
  );
  const joined = texts.map((text) => text ?? nothing).join(between);
  const plain = texts.every((text) => text === null || (!text.includes(between) && !text.includes(nothing)));
  // An empty text splits into no element at all, which is right for an empty column only.
  if (plain && (joined !== "" || values.length === 0)) {
    return sql`string_to_array(${sql.param(joined)}::text, ${sql.raw(`E'\\x1f'`)}, ${sql.raw(`E'\\x1e'`)})`;
  }
  return sql`${sql.param(arrayLiteral(texts))}::text[]`;
}

function arrayLiteral(texts: readonly (string | null)[]): string {
  const quoted = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  return `{${texts.map((text) => (text === null ? "NULL" : quoted(text))).join(",")}}`;
}

/**
 * A batch as a set of rows with typed columns, bound as one JSON text: `from ${recordset(rows, "news(id text, at
 * timestamptz)")}`. For wide rows: as fast on the server as a column each (measured at 42 columns), and one parameter
 * to build instead of 42. What is missing in a row is null. `shape` is ours, never a request's.
 *
 * The limit tells the planner that they are few: it takes a set from JSON for a hundred rows, or for a tenth of them
 * where it is cut at some number, and reads a new table whole rather than look a hundred rows up in it. That plan would
 * last until the table's first analyze.
 */
export function recordset(batch: readonly object[], shape: string): SQL {
  const { name, columns, raw } = partsOf(shape);
  const rows = sql`json_to_recordset(${sql.param(JSON.stringify(batch))}::text::json) as ${sql.raw(raw)}`;
  return sql`(select ${sql.raw(columns)} from ${rows} limit ${batch.length}::int) as ${sql.raw(name)}`;
}

interface Parts {
  name: string;
  columns: string;
  raw: string;
}

const known = new Map<string, Parts>();

/**
 * A column of type jsonb is taken out as text and cast: the server takes three times as long to turn a part of a JSON
 * text into jsonb by itself (measured at 950 bytes: 34 against 13 µs).
 */
function partsOf(shape: string): Parts {
  const kept = known.get(shape);
  if (kept !== undefined) return kept;
  const [, name = "", list = ""] = /^(\w+)\(([\s\S]*)\)$/.exec(shape) ?? [];
  const columns = list.split(",").map((column) => {
    const [, named = "", type = ""] = /^\s*(\S+)\s+(\S+)\s*$/.exec(column) ?? [];
    if (name === "" || type === "") throw new Error(`not the shape of a recordset: ${shape}`);
    return { named, type, nested: type === "jsonb" };
  });
  const parts = {
    name,
    columns: columns.map(({ named, nested }) => (nested ? `${named}::jsonb as ${named}` : named)).join(", "),
    raw: `raw(${columns.map(({ named, type, nested }) => `${named} ${nested ? "text" : type}`).join(", ")})`,
  };
  known.set(shape, parts);
  return parts;
}

/** A failure of the database without the statement's parameters: drizzle's own message would hold every one of them. */
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

/** Classes 22 (data) and 23 (integrity), and 54 (limits): the row is at fault, not the database. */
export function isDataError(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && /^(22|23|54)/.test(error.code);
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
