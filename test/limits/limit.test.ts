/** The arithmetic of limits, without a database. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { dayOf } from "../../src/domain/day.ts";
import { type Count, countOne, type Limit, roomIn } from "../../src/limits/limit.ts";

const noon = Date.UTC(2026, 2, 10, 4);
const at = (ms: number): Date => new Date(noon + ms);
const count = (limit: Partial<Limit>): Count => ({
  limit: {
    scope: "line",
    key: "1",
    tenant: "t",
    maxConcurrent: 0,
    perSecond: 0,
    daily: 0,
    day: dayOf("Asia/Shanghai", at(0)),
    ...limit,
  },
  recent: [],
  today: 0,
  inUse: 0,
});

/** The times at which there was room, each of them counted. */
function taken(mine: Count, times: readonly number[]): number[] {
  return times.filter((ms) => {
    if (roomIn(mine, at(ms)) !== null) return false;
    countOne(mine, at(ms));
    return true;
  });
}

/** The most of these times that lie within one second. */
function mostInOneSecond(times: readonly number[]): number {
  const sorted = times.toSorted((one, other) => one - other);
  return Math.max(0, ...sorted.map((from) => sorted.filter((ms) => ms >= from && ms < from + 1_000).length));
}

describe("a rate", () => {
  const gaps = fc.array(fc.nat(700), { minLength: 1, maxLength: 120 });
  const times = gaps.map((all) => all.map((_, index) => all.slice(0, index + 1).reduce((sum, gap) => sum + gap, 0)));

  test("lets no sliding second have more, whatever the times", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), times, (perSecond, asked) => {
        expect(mostInOneSecond(taken(count({ perSecond }), asked))).toBeLessThanOrEqual(perSecond);
      }),
      { numRuns: 500 },
    );
  });

  test("lets no second have more where some requests leave a second after they were counted", () => {
    const some = fc.array(fc.tuple(fc.nat(300), fc.boolean()), { minLength: 1, maxLength: 120 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), some, (perSecond, asked) => {
        const mine = count({ perSecond });
        const leaves: number[] = [];
        let now = 0;
        for (const [gap, isLater] of asked) {
          now += gap;
          leaves.push(...taken(mine, [now + (isLater ? 1_000 : 0)]));
        }
        expect(mostInOneSecond(leaves)).toBeLessThanOrEqual(perSecond);
      }),
      { numRuns: 500 },
    );
  });

  test("lets as many through as it says, and tells when the next may go", () => {
    const mine = count({ perSecond: 3 });
    expect(taken(mine, [0, 10, 20, 30, 1_000])).toEqual([0, 10, 20]);
    const full = roomIn(mine, at(1_000));
    expect(full).toEqual({ scope: "line", rule: "rate", until: at(1_100) });
    expect(taken(mine, [1_099, 1_100, 1_105, 1_110])).toEqual([1_100, 1_110]);
  });

  test("keeps to a new rate at once, a higher and a lower one", () => {
    const mine = count({ perSecond: 2 });
    taken(mine, [0, 1]);
    mine.limit.perSecond = 5;
    expect(taken(mine, [2, 3, 4, 5, 6])).toEqual([2, 3, 4]);
    mine.limit.perSecond = 1;
    expect(taken(mine, [1_050, 1_103, 1_104, 1_105])).toEqual([1_104]);
  });

  test("a clock that was put back holds nobody for longer than a second and a bit", () => {
    const mine = count({ perSecond: 1 });
    taken(mine, [3_600_000]);
    expect(taken(mine, [0, 500, 1_100])).toEqual([0, 1_100]);
  });

  test("what it remembers stays small", () => {
    const mine = count({ perSecond: 10 });
    taken(
      mine,
      Array.from({ length: 5_000 }, (_, index) => index * 37),
    );
    expect(mine.recent.length).toBeLessThanOrEqual(20);
  });
});

test("calls at a time: as many as it says, until when nobody can tell", () => {
  const mine = count({ maxConcurrent: 2 });
  expect(taken(mine, [0, 1, 2])).toEqual([0, 1]);
  expect(roomIn(mine, at(3))).toEqual({ scope: "line", rule: "concurrency", until: null });
});

test("calls a day: as many as it says, until the day ends", () => {
  const mine = count({ daily: 2 });
  expect(taken(mine, [0, 1, 2])).toEqual([0, 1]);
  expect(roomIn(mine, at(3))).toEqual({ scope: "line", rule: "daily", until: new Date("2026-03-10T16:00:00Z") });
});

describe("the day of a zone", () => {
  const hours = ({ start, end }: { start: Date; end: Date }): number => (end.getTime() - start.getTime()) / 3_600_000;

  test("begins and ends at its own midnight", () => {
    expect(dayOf("Asia/Shanghai", new Date("2026-03-10T15:59:59.999Z"))).toEqual({
      name: "2026-03-10",
      start: new Date("2026-03-09T16:00:00Z"),
      end: new Date("2026-03-10T16:00:00Z"),
    });
    expect(dayOf("Asia/Shanghai", new Date("2026-03-10T16:00:00Z")).name).toBe("2026-03-11");
    expect(dayOf("Asia/Kolkata", new Date("2026-12-31T18:30:00Z")).name).toBe("2027-01-01");
    expect(dayOf("UTC", new Date("2026-12-31T23:59:59Z")).end).toEqual(new Date("2027-01-01T00:00:00Z"));
  });

  test("has 23 or 25 hours where clocks are changed", () => {
    expect(hours(dayOf("Europe/London", new Date("2026-03-29T12:00:00Z")))).toBe(23);
    expect(hours(dayOf("Europe/London", new Date("2026-10-25T12:00:00Z")))).toBe(25);
    expect(hours(dayOf("America/New_York", new Date("2026-03-08T12:00:00Z")))).toBe(23);
    expect(hours(dayOf("Australia/Sydney", new Date("2026-04-05T00:00:00Z")))).toBe(25);
  });

  test("that has no midnight begins with its first moment", () => {
    // Clocks in Cairo go from 23:59:59 on the 23rd to 01:00:00 on the 24th.
    const day = dayOf("Africa/Cairo", new Date("2026-04-24T12:00:00Z"));
    expect([day.name, day.start.toISOString(), hours(day)]).toEqual(["2026-04-24", "2026-04-23T22:00:00.000Z", 23]);
  });

  test("holds the moment it was asked for, and touches the next one, at any moment and in any zone", () => {
    const zones = ["Asia/Shanghai", "Europe/London", "America/New_York", "Africa/Cairo", "Pacific/Auckland", "UTC"];
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.date({ min: new Date("2024-01-01"), max: new Date("2028-01-01"), noInvalidDate: true }),
        (zone, moment) => {
          const day = dayOf(zone, moment);
          expect(day.start <= moment && moment < day.end).toBe(true);
          expect(dayOf(zone, day.end).start).toEqual(day.end);
          expect(dayOf(zone, new Date(day.start.getTime() - 1)).end).toEqual(day.start);
        },
      ),
      { numRuns: 300 },
    );
  });
});
