/** What a request's body says. */

export type Fields = Record<string, unknown>;

/** null for what is no JSON. */
export function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}

/** null for what is no object. */
export function fieldsOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
}

/** null for what is no JSON object. */
export function readFields(body: Buffer): Fields | null {
  return fieldsOf(readJson(body));
}
