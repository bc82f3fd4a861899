import { expect, test } from "bun:test";
import { beijing, timeFormat } from "../../channels/kit/zone.ts";

test("Beijing is eight hours ahead, over midnight and the year's end", () => {
  const stamp = timeFormat("yyyyMMddHHmmss", beijing);
  const newYear = new Date("2025-12-31T16:00:01Z");
  expect(stamp.write(newYear)).toBe("20260101000001");
  expect(stamp.read("20260101000001")).toEqual(newYear);
  expect(stamp.write(new Date("2024-02-29T15:59:59.999Z"))).toBe("20240229235959");
});

test("other orders, UTC, milliseconds, and parts that are left out", () => {
  const time = new Date("2016-03-24T07:36:52.045Z");
  expect(timeFormat("yyyy/MM/dd HH:mm:ss", beijing).write(time)).toBe("2016/03/24 15:36:52");
  expect(timeFormat("yyyy-MM-dd HH:mm:ss.SSS", "UTC").read("2016-03-24 07:36:52.045")).toEqual(time);
  expect(timeFormat("yyyy-MM-ddTHH:mm:ssZ", "UTC").write(time)).toBe("2016-03-24T07:36:52Z");
  expect(timeFormat("yyyyMMdd", beijing).read("20160324")).toEqual(new Date("2016-03-23T16:00:00Z"));
});

test("what is no time is null", () => {
  const stamp = timeFormat("yyyyMMddHHmmss", beijing);
  const nothing = ["", "0", "2026010100000", "202601010000011", "20260230000000", "20260101240000", "2026010100006a"];
  for (const text of [...nothing, "00000000000000", "20261301000000"]) expect(stamp.read(text)).toBeNull();
  expect(timeFormat("yyyy.MM", "UTC").read("2026x01")).toBeNull();
});

test("a zone with summer time: the hour that never was, and the one that came twice", () => {
  const local = timeFormat("yyyy-MM-dd HH:mm", "Europe/Berlin");
  expect(local.read("2026-03-29 02:30")).toBeNull();
  expect(local.read("2026-03-29 03:30")).toEqual(new Date("2026-03-29T01:30:00Z"));
  expect(local.read("2026-10-25 02:30")).toEqual(new Date("2026-10-25T00:30:00Z"));
  expect(local.read("2026-10-25 12:00")).toEqual(new Date("2026-10-25T11:00:00Z"));
});

test("written and read back, every hour of two years", () => {
  for (const zone of [beijing, "UTC", "America/St_Johns"]) {
    const stamp = timeFormat("yyyyMMddHHmmss", zone);
    for (let ms = Date.UTC(2025, 0, 1); ms < Date.UTC(2027, 0, 1); ms += 7 * 3_600_000) {
      const again = stamp.read(stamp.write(new Date(ms)))?.getTime();
      // The second of two equal hours reads as the first.
      expect([ms, ms - 3_600_000]).toContain(again ?? 0);
    }
  }
});

test("an unknown zone throws at once", () => {
  expect(() => timeFormat("yyyyMMdd", "Asia/Nowhere")).toThrow();
});
