/**
 * Keeps what is read again from being stored again. Only a poll that comes with the cursor of the last one proves that
 * its records were stored; with any other cursor nothing counts as handed over.
 */
import { createHash } from "node:crypto";

/** Forgetting one costs a duplicate. */
const rememberedMax = 50_000;

export function rememberHandedOver() {
  const known = new Set<string>();
  let last: { from: string | null; to: string; hashes: readonly string[] } | null = null;

  /** The most recently met last, so that the first is the one to forget. */
  function remember(hash: string): void {
    known.delete(hash);
    known.add(hash);
    const [oldest] = known.size > rememberedMax ? known : [];
    if (oldest !== undefined) known.delete(oldest);
  }

  return {
    /** The records that are new, of those read with the cursor `from`. */
    without(from: string | null, to: string, records: readonly string[]): string[] {
      if (last !== null && last.to === from) for (const hash of last.hashes) remember(hash);
      else if (last === null || last.from !== from) known.clear();
      const hashed = records.map((text) => ({ text, hash: createHash("sha256").update(text).digest("base64") }));
      last = { from, to, hashes: hashed.map(({ hash }) => hash) };
      return hashed.filter(({ hash }) => !known.has(hash)).map(({ text }) => text);
    },
  };
}
