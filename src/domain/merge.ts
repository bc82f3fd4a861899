import type { Fact, FactValue } from "./fact.ts";

/** The winner of one field: authority, time (epoch ms), hash, value. */
export type Winner = [authority: number, at: number, hash: string, value: FactValue];

/** Winners by `<attempt>.<field>`. This is all that a record needs: old events may be dropped. */
export type Merge = Record<string, Winner>;

/** Fields whose latest value counts, because it keeps changing. All others keep the earliest. */
const running = new Set(["state", "cost"]);

/**
 * Folds facts into a merge: each field alone takes the highest authority, then the earliest time (the latest where
 * the field keeps running), then the smallest hash. A maximum over a total order: any order and any repetition of the
 * same facts gives the same merge.
 */
export function mergeFacts(into: Merge, facts: readonly Fact[]): Merge {
  const merged: Merge = { ...into };
  for (const one of facts) {
    const winner: Winner = [one.authority, one.at, one.hash, one.value];
    for (const field of fieldsOf(one)) {
      const key = `${one.attempt}.${field}`;
      const standing = merged[key];
      if (standing === undefined || beats(winner, standing, running.has(field))) merged[key] = winner;
    }
  }
  return merged;
}

function fieldsOf(one: Fact): string[] {
  const fields = one.kind === "unrecognized" ? [] : [one.leg === null ? one.kind : `${one.leg}.${one.kind}`];
  if (one.value.chState !== undefined) fields.push("state");
  return fields;
}

function beats(one: Winner, other: Winner, latest: boolean): boolean {
  if (one[0] !== other[0]) return one[0] > other[0];
  if (one[1] !== other[1]) return latest ? one[1] > other[1] : one[1] < other[1];
  return one[2] < other[2];
}
