/** The choice of a line: against an oracle, and what must never change it. */
import { expect, test } from "bun:test";
import { makeBook } from "../../src/routing/book.ts";
import { type Choice, candidatesMax, choose, listedMax } from "../../src/routing/choose.ts";
import { behinds } from "../../src/routing/rank.ts";
import { reasons } from "../../src/routing/refuse.ts";
import type { LineState } from "../../src/routing/state.ts";
import { expected } from "./oracle.ts";
import { lineOf, mulberry, stateOf, type World, wishOf, world } from "./worlds.ts";

const worlds = 10_000;

/** The book is as old as may be: of what it keeps out, it learned before. */
function chosen({ lines, wish, states }: World, everyLine = false, since = states): Choice {
  const now = (id: number) => states.get(id) ?? stateOf();
  const book = makeBook(lines, (id) => since.get(id) ?? stateOf());
  return choose(book, wish, now, everyLine);
}

const told = (one: { taken?: boolean; reason: string | null; field?: string }): string =>
  one.taken ? "taken" : [one.reason, one.field].filter(Boolean).join(" ");

function tally(entries: Iterable<readonly [string, number]>): [string, number][] {
  const counts = new Map<string, number>();
  for (const [key, count] of entries) counts.set(key, (counts.get(key) ?? 0) + count);
  return [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
}

test(`${worlds} price books, wishes and states: the order, each line's reason and each count are the oracle's`, () => {
  const seen = new Set<string>();
  let [cut, long] = [0, 0];
  for (let seed = 0; seed < worlds; seed++) {
    const here = world(seed);
    const wanted = expected(here);
    const [brief, full] = [chosen(here), chosen(here, true)];
    const about = { seed, candidates: wanted.candidates };
    expect({ seed, candidates: full.candidates }).toEqual(about);
    expect({ seed, candidates: brief.candidates }).toEqual(about);
    // A book that was made when all were well gives the same.
    expect({ seed, candidates: chosen(here, false, new Map()).candidates }).toEqual(about);
    // Explained line by line, in the lines' own order.
    expect([seed, full.considered.map((one) => [one.lineId, told(one)])]).toEqual([
      seed,
      here.lines.map(({ id }) => [id, wanted.reasons.get(id) ?? ""]),
    ]);
    expect(full.others).toEqual([]);
    // In short: what is listed is right, and the rest is counted, so that no line is lost.
    for (const one of brief.considered) expect([seed, told(one)]).toEqual([seed, wanted.reasons.get(one.lineId) ?? ""]);
    const counted = [
      ...brief.considered.map((one) => [told(one), 1] as const),
      ...brief.others.map((one) => [told(one), one.count] as const),
    ];
    expect([seed, tally(counted)]).toEqual([
      seed,
      tally([...wanted.reasons.values()].map((reason) => [reason, 1] as const)),
    ]);
    expect(brief.considered.length).toBeLessThanOrEqual(listedMax);
    for (const one of full.considered) {
      const { reason, behind = "", trial = "", inNeed = "", keepsNumber = "" } = one;
      for (const word of [reason, behind, trial && "trial", inNeed && "inNeed", keepsNumber && "keeps"]) {
        if (word) seen.add(word);
      }
    }
    if (wanted.candidates.length === candidatesMax) cut++;
    if (brief.others.length > 0) long++;
  }
  // The worlds were worth something: all that can be said of a line was said.
  expect([...seen].sort()).toEqual([...reasons, ...behinds, "trial", "inNeed", "keeps"].sort());
  expect(Math.min(cut, long)).toBeGreaterThan(100);
}, 120_000);

test("the same input gives the same choice, in whatever order the lines are read", () => {
  for (let seed = 0; seed < 1_000; seed++) {
    const here = world(seed);
    const once = chosen(here);
    expect(chosen(world(seed))).toEqual(once);
    const random = mulberry(seed);
    const places = new Map(here.lines.map((line) => [line, random()]));
    const shuffled = here.lines.toSorted((one, other) => (places.get(one) ?? 0) - (places.get(other) ?? 0));
    expect([seed, chosen({ ...here, lines: shuffled }).candidates]).toEqual([seed, once.candidates]);
  }
});

test("a line that cannot be a candidate changes nothing, whatever its price and wherever it stands", () => {
  const impossible = [
    { active: false },
    { archived: true },
    { honours: [] },
    { channel: "seats" as const },
    { health: "held" as const },
    { health: "sick" as const },
  ];
  let changedNothing = 0;
  for (let seed = 0; seed < 2_000; seed++) {
    const here = world(seed);
    // A line that rings phones ends the time of the simulated ones, even before it can take a call.
    if (!here.lines.some((line) => !line.archived && !line.definition.simulated)) continue;
    here.wish = { ...here.wish, fields: ["record"], channel: "phones", lineId: null };
    const before = chosen(here);
    // Where none is well, a sick line is a candidate.
    if (!before.candidates.some((one) => !one.trial && !one.inNeed)) continue;
    for (const { health, ...what } of impossible) {
      const id = 10_000 + (seed % 7);
      const added = lineOf(id, { ...what, maxConcurrent: 5, shownNumber: here.wish.lastShown?.number ?? null });
      const states = new Map(here.states);
      if (health === "held") states.set(id, stateOf({ health: { state: "held", share: 0 } }));
      if (health === "sick") states.set(id, stateOf({ health: { state: "down", share: 0 } }));
      const after = chosen({ ...here, states, lines: [added, ...here.lines] });
      expect([seed, what, after.candidates]).toEqual([seed, what, before.candidates]);
      changedNothing++;
    }
  }
  expect(changedNothing).toBeGreaterThan(1_000);
});

test("a growing share is honoured, keeps the calls that it had, and does not lean on another line's", () => {
  const calls = 20_000;
  const seeds = Array.from({ length: calls }, (_, n) => `call_20261121_${n.toString(36).padStart(16, "0")}`);
  const book = makeBook([lineOf(1), lineOf(2), lineOf(3)], () => stateOf());
  const first = (seed: string, shares: Record<number, number>): number | undefined =>
    choose(book, wishOf({ seed }), (id) => stateOf({ health: { share: shares[id] ?? 1 } })).candidates[0]?.lineId;
  /** Within five standard deviations of as many draws. */
  const near = (share: number, count: number): void => {
    const by = 5 * Math.sqrt(calls * share * (1 - share));
    expect(Math.abs(count - calls * share)).toBeLessThanOrEqual(by);
  };
  let before = new Set<string>();
  for (const share of [0, 0.1, 0.25, 0.5, 0.9, 1]) {
    const taken = new Set(seeds.filter((seed) => first(seed, { 1: share }) === 1));
    near(share, taken.size);
    expect([...before].filter((seed) => !taken.has(seed))).toEqual([]);
    before = taken;
  }
  const both = { 1: 0.3, 2: 0.3 };
  const counts = tally(seeds.map((seed) => [String(first(seed, both)), 1] as const));
  for (const [line, share] of [
    ["1", 0.3],
    ["2", 0.7 * 0.3],
    ["3", 0.7 * 0.7],
  ] as const) {
    near(share, counts.find(([id]) => id === line)?.[1] ?? 0);
  }
});

test("lines that were sick when the book was made rest while others are well, and are asked again in need", () => {
  const sick = stateOf({ health: { state: "down", share: 0, sickness: 0.5 } });
  const lines = Array.from({ length: listedMax + 10 }, (_, n) => lineOf(n + 1));
  const some = (ids: number[], state: LineState) => new Map(ids.map((id) => [id, state]));
  const well = [58, 59, 60];
  const ill = lines.map(({ id }) => id).filter((id) => !well.includes(id));
  const ids = (choice: Choice) => choice.candidates.map((one) => one.lineId);
  // Line 1 is well again, and nobody looks before the next book.
  const since = some(ill, sick);
  const states = some(ill.slice(1), sick);
  const looked = new Set<number>();
  const book = makeBook(lines, (id) => since.get(id) ?? stateOf());
  const choice = choose(book, wishOf(), (id) => {
    looked.add(id);
    return states.get(id) ?? stateOf();
  });
  expect([ids(choice), [...looked]]).toEqual([well, well]);
  expect([choice.considered.length, choice.others]).toEqual([listedMax, [{ reason: "down", count: 10 }]]);
  expect(ids(chosen({ lines, states, wish: wishOf() }))).toEqual([1, ...well]);
  // Those that were well are sick now: it is found at once.
  const turned = new Map([...states, ...some(well, sick)]);
  expect(chosen({ lines, states: turned, wish: wishOf() }, false, since).candidates).toEqual([
    { lineId: 1, trial: false, inNeed: false },
  ]);
  // And where all are, the least sick of them all.
  const all = new Map([
    ...turned,
    ...some([1], sick),
    ...some([7], stateOf({ health: { ...sick.health, sickness: 0.4 } })),
  ]);
  expect(ids(chosen({ lines, states: all, wish: wishOf() }, false, since)).slice(0, 3)).toEqual([7, 1, 2]);
});

test("with no line well, the share of none is asked for, and one trial goes first", () => {
  const sick = (sickness: number, more = {}) => stateOf({ health: { state: "down", share: 0, sickness, ...more } });
  const states = new Map([
    [1, sick(0.9)],
    [2, sick(0.4)],
    [3, sick(0.1, { uncertain: true })],
    [4, sick(1, { uncertain: true, trial: true })],
    [5, stateOf({ health: { state: "held", share: 0 } })],
  ]);
  const lines = [1, 2, 3, 4, 5].map((id) => lineOf(id));
  const { candidates, considered } = chosen({ lines, states, wish: wishOf() });
  expect(candidates).toEqual([
    { lineId: 4, trial: true, inNeed: false },
    { lineId: 2, trial: false, inNeed: true },
    { lineId: 1, trial: false, inNeed: true },
  ]);
  expect(considered.map((one) => one.reason)).toEqual([null, null, "uncertain", null, "held"]);
  // A pinned line that is sick is used, since the request leaves no other.
  const pinned = chosen({ lines, states, wish: wishOf({ lineId: 1 }) });
  expect(pinned.candidates).toEqual([{ lineId: 1, trial: false, inNeed: true }]);
});
