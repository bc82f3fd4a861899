/** Taking in comes before handling: how long a drain rests. */
import { expect, test } from "bun:test";
import { restAfter } from "../../src/loops/drain.ts";

test.each([
  [40, 0, 0],
  [40, 5_000, 40],
  [40, 7_500, 120],
  [40, 10_000, 500],
  [10, 10_000, 190],
  [10, 1_000_000, 190],
])("after a batch of %p ms, at %p arrivals a second, it rests %p ms", (tookMs, perSecond, restMs) => {
  expect(restAfter(tookMs, perSecond)).toBeCloseTo(restMs, 6);
});

test("the more come in, the longer it rests, and never so long that news stands still", () => {
  const rests = Array.from({ length: 300 }, (_, n) => restAfter(100, n * 100));
  expect(rests).toEqual(rests.toSorted((one, other) => one - other));
  expect(Math.max(...rests)).toBe(500);
});
