/** Which rule stops a call, from what is known of the customer. */
import { expect, test } from "bun:test";
import { type Contacts, stopOf } from "../../src/limits/protect.ts";

const minute = 60_000;
const day = 1_440 * minute;
const now = new Date("2026-07-15T04:00:00Z");
const ago = (ms: number): number => now.getTime() - ms;
const rules = { customerCallsPerDay: 5, customerCallsPer5Minutes: 3 };
const stop = (known: Partial<Contacts>, given: { exempt?: boolean; settings?: Partial<typeof rules> } = {}) =>
  stopOf({ blacklisted: null, calls: [], ...known }, { ...rules, ...given.settings }, given.exempt ?? false, now);

test("nobody is stopped without a reason", () => {
  expect(stop({})).toBeNull();
  expect(stop({ calls: [ago(0), ago(minute)] })).toBeNull();
  expect(stop({ calls: [6, 7, 8, 9].map((n) => ago(n * minute)) })).toBeNull();
});

test("the fourth call in five minutes waits until the third last is five minutes old", () => {
  const calls = [ago(minute), ago(2 * minute), ago(4 * minute)];
  expect(stop({ calls })).toEqual({ rule: "frequency-5min", until: new Date(ago(4 * minute) + 5 * minute) });
  expect(stop({ calls: [...calls.slice(0, 2), ago(5 * minute)] })).toBeNull();
  expect(stop({ calls: [...calls.slice(0, 2), ago(5 * minute - 1)] })?.rule).toBe("frequency-5min");
});

test("the sixth call in 24 hours waits until the fifth last is a day old; that is told before the five minutes", () => {
  const calls = [1, 2, 3, 300, 1_000].map((n) => ago(n * minute));
  expect(stop({ calls })).toEqual({ rule: "frequency-day", until: new Date(ago(1_000 * minute) + day) });
  expect(stop({ calls: [600, 700, 800, 900].map((n) => ago(n * minute)).concat(ago(day)) })).toBeNull();
});

test("0 is no limit", () => {
  const calls = Array.from({ length: 500 }, () => ago(1));
  const settings = { customerCallsPerDay: 0, customerCallsPer5Minutes: 0 };
  expect(stop({ calls }, { settings })).toBeNull();
  expect(stop({ calls }, { settings: { customerCallsPerDay: 0 } })?.rule).toBe("frequency-5min");
});

test("where no phone rings only the blacklist holds", () => {
  const calls = Array.from({ length: 9 }, () => ago(1));
  expect(stop({ calls }, { exempt: true })).toBeNull();
  const until = new Date(now.getTime() + day);
  expect(stop({ calls, blacklisted: { until } }, { exempt: true })).toEqual({ rule: "blacklist", until });
  expect(stop({ blacklisted: { until: null } })).toEqual({ rule: "blacklist", until: null });
});
