/** What must not leak: looked for in everything that a test made Hualu write. */

/** Mainland mobiles and landlines, in any of the forms in which they are written; not inside longer digit runs. */
const numberLike = /(?<![0-9A-Za-z+/=_-])(?:\+?86)?(?:1[3-9]\d{9}|0[1-9]\d{8,10})(?![0-9A-Za-z+/=_-])/g;

export interface Traces {
  /** By name: the log, error bodies, the database. */
  texts: Record<string, string>;
  /** Keys, credentials and anything else that must stay in. */
  secrets: readonly string[];
}

/** Throws where a number or a secret is found, and where there was nothing to look at. */
export function findNoCanary({ texts, secrets }: Traces): void {
  const found: string[] = [];
  for (const [name, text] of Object.entries(texts)) {
    for (const match of text.matchAll(numberLike)) found.push(`a number in ${name}: …${around(text, match.index)}…`);
    for (const secret of secrets) {
      const at = text.indexOf(secret);
      if (at !== -1) found.push(`a secret in ${name}: …${around(text, at)}…`);
    }
  }
  if (found.length > 0) throw new Error(`leaked:\n${found.slice(0, 10).join("\n")}`);
}

function around(text: string, at: number): string {
  return text.slice(Math.max(0, at - 60), at + 40);
}
