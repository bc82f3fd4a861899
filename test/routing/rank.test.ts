/** What comes before what, each by itself: two lines that differ in one thing, the worse one with the lower id. */
import { expect, test } from "bun:test";
import type { LinePrice } from "../../db/schema/index.ts";
import { storedPhone } from "../../src/domain/phone.ts";
import type { Line } from "../../src/lines/directory.ts";
import { makeBook } from "../../src/routing/book.ts";
import { choose } from "../../src/routing/choose.ts";
import { estimate, estimateText, usualCurrency } from "../../src/routing/price.ts";
import type { Wish } from "../../src/routing/refuse.ts";
import type { LineState } from "../../src/routing/state.ts";
import { lineOf, stateOf, wishOf } from "./worlds.ts";

const [known, other] = [storedPhone("+861088880001"), storedPhone("+861088880002")];
const yuan = (perMinute: string, first = 60, next = first): LinePrice => ({
  currency: "CNY",
  b: { perMinute, firstIncrement: first, nextIncrement: next },
});
const health = (more: Partial<LineState["health"]>) => stateOf({ health: more });
const shown = { lineId: 9, number: known };

interface Case {
  worse: { line?: Partial<Line>; state?: LineState };
  better: { line?: Partial<Line>; state?: LineState };
  wish?: Partial<Wish>;
}
const cases: Record<string, Case> = {
  "a line that is in its share before a bound one that is not": {
    worse: { state: health({ share: 0 }) },
    better: {},
    wish: { bound: [1, 2].map((lineId) => ({ lineId, channel: null })) },
  },
  "one with room before one that is full, though bound first": {
    worse: { line: { maxConcurrent: 2 }, state: stateOf({ inUse: 2 }) },
    better: {},
    wish: { bound: [1, 2].map((lineId) => ({ lineId, channel: null })) },
  },
  "one with calls left today": { worse: { line: { dailyLimit: 10 }, state: stateOf({ today: 10 }) }, better: {} },
  "the order of bindings before a trial": {
    worse: { state: health({ state: "down", trial: true }) },
    better: {},
    wish: { bound: [2, 1].map((lineId) => ({ lineId, channel: null })) },
  },
  "a trial before the number that is known": {
    worse: { line: { shownNumber: known } },
    better: { state: health({ state: "down", trial: true }) },
    wish: { lastShown: shown },
  },
  "the number that is known before health": {
    worse: { line: { shownNumber: other } },
    better: { line: { shownNumber: known }, state: health({ state: "degraded" }) },
    wish: { lastShown: shown },
  },
  "where no number is set, the line that was used": {
    worse: {},
    better: {},
    wish: { lastShown: { lineId: 2, number: null } },
  },
  "health before price": {
    worse: { line: { price: yuan("0.01") }, state: health({ state: "degraded" }) },
    better: { line: { price: yuan("9") } },
  },
  "billing by the second before whole minutes of the same price": {
    worse: { line: { price: yuan("0.1") } },
    better: { line: { price: yuan("0.1", 1) } },
  },
  "a dearer minute that is billed in short steps": {
    worse: { line: { price: yuan("0.1") } },
    better: { line: { price: yuan("0.15", 6) } },
  },
  "both legs are paid": {
    worse: { line: { price: { ...yuan("0.1"), a: { perMinute: "0.2", firstIncrement: 60, nextIncrement: 60 } } } },
    better: { line: { price: yuan("0.2") } },
  },
  "a known price before none": { worse: {}, better: { line: { price: yuan("9") } } },
  "the usual currency before another": {
    worse: { line: { price: { ...yuan("0.01"), currency: "USD" } } },
    better: { line: { price: yuan("9") } },
  },
  "price before room": {
    worse: { line: { price: yuan("0.2") } },
    better: { line: { price: yuan("0.1"), maxConcurrent: 4 }, state: stateOf({ inUse: 3 }) },
  },
  "room before answers": {
    worse: { line: { maxConcurrent: 4 }, state: stateOf({ inUse: 3, answered: 1 }) },
    better: { state: stateOf({ answered: 0.1 }) },
  },
  "more answers": { worse: { state: stateOf({ answered: 0.39 }) }, better: { state: stateOf({ answered: 0.4 }) } },
};

for (const [name, { worse, better, wish }] of Object.entries(cases)) {
  test(name, () => {
    const states = new Map([
      [1, worse.state ?? stateOf()],
      [2, better.state ?? stateOf()],
    ]);
    const book = makeBook([lineOf(1, worse.line), lineOf(2, better.line)], () => stateOf());
    const { candidates } = choose(book, wishOf(wish), (id) => states.get(id) ?? stateOf());
    expect(candidates.map((one) => one.lineId)).toEqual([2, 1]);
  });
}

test("small differences move nothing: a call more, a hundredth of answers, a price written otherwise", () => {
  const states = new Map([
    [1, stateOf({ inUse: 11, answered: 0.42 })],
    [2, stateOf({ inUse: 10, answered: 0.48 })],
  ]);
  const line = { maxConcurrent: 100 };
  const lines = [lineOf(1, { ...line, price: yuan("0.10") }), lineOf(2, { ...line, price: yuan("0.1") })];
  const book = makeBook(lines, () => stateOf());
  const { candidates } = choose(book, wishOf(), (id) => states.get(id) ?? stateOf());
  expect(candidates.map((one) => one.lineId)).toEqual([1, 2]);
});

test("an estimate is exact, and shown as people read money", () => {
  const text = (price: LinePrice): string | null => {
    const cost = estimate(price);
    return cost === null ? null : estimateText(cost);
  };
  // 70 s of the customer's leg: two minutes; twelve times 6 s; 70 times 1 s.
  expect([yuan("0.1"), yuan("0.1", 6), yuan("0.12", 1)].map(text)).toEqual(["0.2000", "0.1200", "0.1400"]);
  expect(text(yuan("0.1", 3_600))).toBe("6.0000");
  expect(text({ currency: "CNY" })).toBe(null);
  expect(text(yuan("0"))).toBe("0.0000");
  // The last millionth of a minute's price still counts.
  expect(["999999.999998", "999999.999999"].map((price) => estimate(yuan(price, 3_600)))).toEqual([
    3_599_999_999_992_800n,
    3_599_999_999_996_400n,
  ]);
  expect(usualCurrency([yuan("1"), { ...yuan("1"), currency: "USD" }, { currency: "USD" }])).toBe("CNY");
});
