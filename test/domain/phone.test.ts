import { expect, test } from "bun:test";
import { inspect } from "node:util";
import { parsePhone, samePhone } from "../../src/domain/phone.ts";

test.each([
  ["139 0000 0001", "+8613900000001", "13900000001", "139****0001"],
  ["+86 139-0000-0001", "+8613900000001", "13900000001", "139****0001"],
  ["0086 13900000001", "+8613900000001", "13900000001", "139****0001"],
  ["010 8888 8888", "+861088888888", "01088888888", "010****8888"],
  ["(0951) 501-2345", "+869515012345", "09515012345", "095****2345"],
  ["021-12345678", "+862112345678", "02112345678", "021****5678"],
  ["400-123-4567", "+864001234567", "4001234567", "40****67"],
  ["19912345678", "+8619912345678", "19912345678", "199****5678"],
  ["95013123456", "95013123456", "95013123456", "950****3456"],
  ["95588", "95588", "95588", "****8"],
  ["10086", "10086", "10086", "****6"],
  ["8001", "8001", "8001", "****1"],
  ["+1 415 555 2671", "+14155552671", "14155552671", "141****2671"],
])("%s is read as %s, %s in the country, shown as %s", (written, full, national, masked) => {
  const phone = parsePhone(written);
  expect([phone?.reveal(), phone?.national(), phone?.masked]).toEqual([full, national, masked]);
});

test.each([
  "",
  "12",
  "abc",
  "139000000011",
  "1390000000",
  "+86",
  "+861390000000x",
  "1".repeat(16),
  "１３９００００００００１",
  "13900000001;ext=1",
])("%p cannot be dialed", (written) => {
  expect(parsePhone(written)).toBeNull();
});

test("a number prints masked wherever it is printed", () => {
  const phone = parsePhone("13900000001");
  const printed = [`${phone}`, JSON.stringify({ phone }), inspect({ phone }), inspect(phone), String(phone)];
  for (const text of printed) {
    expect(text).toContain("139****0001");
    expect(text).not.toContain("13900000001");
  }
});

test("one number written in two ways is the same", () => {
  expect(samePhone(parsePhone("13900000001"), parsePhone("+86 139 0000 0001"))).toBe(true);
  expect(samePhone(parsePhone("13900000001"), parsePhone("13900000002"))).toBe(false);
});
