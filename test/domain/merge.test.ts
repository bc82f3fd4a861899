import { expect, test } from "bun:test";
import fc from "fast-check";
import { projectedCells } from "../../src/calls/columns.ts";
import type { Fact } from "../../src/domain/fact.ts";
import { ownFactKinds } from "../../src/domain/fact.ts";
import { type Merge, mergeFacts } from "../../src/domain/merge.ts";
import { project } from "../../src/domain/record.ts";
import { history, retold } from "./histories.ts";

const terms = { ringTimeoutSeconds: 60, maxDurationSeconds: 3600, createdAt: Date.UTC(2026, 10, 21, 2, 0, 0) };

function columns(merge: Merge): unknown[] {
  return Object.entries(projectedCells(project(merge, terms)));
}

const mergeAll = (batches: readonly Fact[][]): Merge =>
  batches.reduce<Merge>((merge, batch) => mergeFacts(merge, batch), {});

test("12,000 histories give the same record in any order, with repetitions, in any batches", () => {
  const kinds = new Set<string>();
  const statuses = new Set<string>();
  let runs = 0;
  fc.assert(
    fc.property(history, fc.integer(), (facts, seed) => {
      const random = mulberry(seed);
      const plain = mergeFacts({}, facts);
      const wanted = JSON.stringify(columns(plain));
      for (let time = 0; time < 2; time++) {
        const merged = mergeAll(retold(facts, random));
        expect(JSON.stringify(columns(merged))).toBe(wanted);
      }
      // Stored and read back as jsonb, which orders keys as it likes, it is still the same.
      const stored: Merge = Object.fromEntries(Object.entries(plain).reverse());
      expect(JSON.stringify(columns(mergeFacts(stored, facts)))).toBe(wanted);
      for (const one of facts) kinds.add(one.leg === null ? one.kind : `${one.leg}.${one.kind}`);
      statuses.add(project(plain, terms).status);
      runs++;
    }),
    { numRuns: 12_000, seed: 4711 },
  );
  expect(runs).toBeGreaterThanOrEqual(12_000);
  // The histories were worth something: every kind occurred on every leg, and every status came out.
  const expected = [
    "a.calling",
    "a.ringing",
    "a.answered",
    "b.calling",
    "b.ringing",
    "b.answered",
    "connected",
    "ended",
  ];
  for (const kind of [...expected, "cdr", "recording", "cost", "unrecognized", ...ownFactKinds])
    expect(kinds).toContain(kind);
  expect([...statuses].sort()).toEqual([
    "busy",
    "calling",
    "connected",
    "ended",
    "failed",
    "missed",
    "pending",
    "rejected",
    "ringing",
  ]);
});

test("the merge of two halves does not depend on which half came first", () => {
  fc.assert(
    fc.property(history, history, (one, other) => {
      const there = mergeFacts(mergeFacts({}, one), other);
      const back = mergeFacts(mergeFacts({}, other), one);
      expect(columns(there)).toEqual(columns(back));
    }),
    { numRuns: 2_000, seed: 17 },
  );
});

test("a record is closed exactly when it has an end, and only open ones wait for one", () => {
  fc.assert(
    fc.property(history, (facts) => {
      const projection = project(mergeFacts({}, facts), terms);
      expect(projection.state === "close").toBe(projection.closeTime !== null);
      expect(projection.latestEnd === null).toBe(projection.state === "close");
      expect(projection.answered).toBe(projection.status === "connected" || projection.status === "ended");
      if (!projection.answered) expect(projection.duration ?? 0).toBe(0);
    }),
    { numRuns: 2_000, seed: 18 },
  );
});

function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
