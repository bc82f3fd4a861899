/** Hours in which customers may be called: their own, wherever they are. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { storedPhone } from "../../src/domain/phone.ts";
import { closedUntil, closesAt, type Window, zonesOfNumber } from "../../src/limits/window.ts";

const usual: Window = { from: "08:00", until: "21:00" };
const when = (text: string): Date => new Date(text);
const zonesOf = (number: string): readonly string[] => zonesOfNumber(storedPhone(number), "Asia/Shanghai");
/** Null: open. Else when it opens. */
const closed = (number: string, at: string, window = usual) => closedUntil(window, zonesOf(number), when(at));

describe("the window's edges where the customer is", () => {
  for (const [number, offset, day] of [
    ["+8613912345678", "+08:00", "2026-07-15"],
    ["+819012345678", "+09:00", "2026-07-15"],
    ["+447400123456", "+01:00", "2026-07-15"],
    ["+447400123456", "+00:00", "2026-01-15"],
  ] as const) {
    test(`${number.slice(0, 4)}… at ${offset}`, () => {
      const local = (time: string): string => `${day}T${time}${offset}`;
      expect(closed(number, local("07:59:59.999"))).toEqual({ until: when(local("08:00:00")) });
      expect(closed(number, local("08:00:00"))).toBeNull();
      expect(closed(number, local("20:59:59.999"))).toBeNull();
      expect(closed(number, local("21:00:00"))).toEqual({
        until: new Date(when(local("08:00:00")).getTime() + 86_400_000),
      });
    });
  }

  test("a night in which clocks are changed", () => {
    expect(closed("+447400123456", "2026-03-28T23:00:00Z")).toEqual({ until: when("2026-03-29T07:00:00Z") });
    expect(closed("+447400123456", "2026-10-24T22:00:00Z")).toEqual({ until: when("2026-10-25T08:00:00Z") });
  });
});

describe("the zones of a number", () => {
  test("follow from its country, the longest code first", () => {
    expect(zonesOf("+8613912345678")).toEqual(["Asia/Shanghai"]);
    expect(zonesOf("+85251234567")).toEqual(["Asia/Hong_Kong"]);
    expect(zonesOf("+819012345678")).toEqual(["Asia/Tokyo"]);
    expect(zonesOf("+14155552671")).toContain("Pacific/Honolulu");
  });

  test("are the tenant's where a number has no country, or one that is not listed", () => {
    for (const number of ["95588", "10086", "8001", "+3545812345"])
      expect(zonesOfNumber(storedPhone(number), "Asia/Tokyo")).toEqual(["Asia/Tokyo"]);
  });
});

describe("a country with several zones", () => {
  test("is called when it is day in the outermost ones, and that is when it says so", () => {
    // New York 08:00, Honolulu 02:00.
    expect(closed("+14155552671", "2026-07-15T12:00:00Z")).toEqual({ until: when("2026-07-15T18:00:00Z") });
    expect(closed("+14155552671", "2026-07-15T18:00:00Z")).toBeNull();
    // St. John's 21:00, Honolulu 13:30.
    expect(closed("+14155552671", "2026-07-15T23:30:00Z")).toEqual({ until: when("2026-07-16T18:00:00Z") });
  });

  test("whose day is over in the east before the west's begins waits for the next day that both share", () => {
    // Kamchatka 22:00, Kaliningrad 12:00: Kamchatka opens at 20:00 UTC, when Kaliningrad is closed.
    expect(closed("+79161234567", "2026-07-15T10:00:00Z")).toEqual({ until: when("2026-07-16T06:00:00Z") });
  });

  test("that never shares an hour is never called", () => {
    const short = { from: "09:00", until: "12:00" };
    expect(closed("+79161234567", "2026-07-15T10:00:00Z", short)).toEqual({ until: null });
  });
});

describe("other windows", () => {
  test("over midnight", () => {
    const night = { from: "20:00", until: "02:00" };
    const at = (time: string) => closed("+8613912345678", `2026-07-15T${time}+08:00`, night);
    expect(at("19:59:59")).toEqual({ until: when("2026-07-15T20:00:00+08:00") });
    expect([at("20:00:00"), at("23:59:59"), at("00:00:00"), at("01:59:59")]).toEqual([null, null, null, null]);
    expect(at("02:00:00")).toEqual({ until: when("2026-07-15T20:00:00+08:00") });
  });

  test("from = until is the whole day; so is 00:00 to 24:00", () => {
    for (const window of [
      { from: "08:00", until: "08:00" },
      { from: "00:00", until: "24:00" },
      { from: "00:00", until: "00:00" },
    ])
      for (const time of ["00:00:00", "07:59:59", "08:00:00", "23:59:59"])
        expect(closed("+8613912345678", `2026-07-15T${time}+08:00`, window)).toBeNull();
  });
});

test("at the moment that it names it is open, and not a minute sooner; it closes when it says", () => {
  const hour = fc.integer({ min: 0, max: 23 }).map((n) => `${String(n).padStart(2, "0")}:00`);
  const numbers = ["+8613912345678", "+447400123456", "+14155552671", "+61412345678", "+79161234567", "+5511912345678"];
  const minute = 60_000;
  fc.assert(
    fc.property(
      fc.record({ from: hour, until: hour }),
      fc.constantFrom(...numbers),
      // Hours that a change of clocks leaves out are nobody's calling hours.
      fc.integer({ min: 0, max: 60 * 24 * 60 }).map((n) => new Date(Date.UTC(2026, 5, 1) + n * minute)),
      (window, number, now) => {
        const zones = zonesOf(number);
        const stop = closedUntil(window, zones, now);
        const openAt = (at: Date): boolean => closedUntil(window, zones, at) === null;
        if (stop === null) {
          const end = closesAt(window, zones, now);
          if (end === null) return expect(window.from).toBe(window.until);
          expect([openAt(new Date(end.getTime() - 1)), openAt(end)]).toEqual([true, false]);
          for (let at = now.getTime(); at < end.getTime(); at += 30 * minute) expect(openAt(new Date(at))).toBe(true);
          return;
        }
        const latest = stop.until?.getTime() ?? now.getTime() + 2 * 86_400_000;
        for (let at = now.getTime(); at < latest; at += 30 * minute) expect(openAt(new Date(at))).toBe(false);
        if (stop.until !== null) {
          expect([openAt(stop.until), openAt(new Date(latest - minute))]).toEqual([true, false]);
        }
      },
    ),
    { numRuns: 150 },
  );
});
