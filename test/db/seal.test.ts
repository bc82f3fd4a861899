import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { createSeal } from "../../db/seal.ts";

const seal = createSeal(randomBytes(32));

test("what is sealed opens for its tenant and for nobody else, and not when a bit is turned", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(), (plain, place) => {
      const sealed = seal.text("one", plain);
      expect(seal.open("one", sealed)).toBe(Buffer.from(plain, "utf8").toString("utf8"));
      expect(() => seal.open("two", sealed)).toThrow();
      const raw = Buffer.from(sealed.slice(1), "base64");
      const at = place % raw.length;
      raw[at] = (raw[at] ?? 0) ^ 1;
      expect(() => seal.open("one", `1${raw.toString("base64")}`)).toThrow();
    }),
    { numRuns: 300, seed: 5 },
  );
});

test("the same text is never sealed to the same bytes, and always indexed to the same hash", () => {
  expect(seal.text("one", "x")).not.toBe(seal.text("one", "x"));
  expect(seal.index("one", "phone", "x")).toBe(seal.index("one", "phone", "x"));
  const hashes = [
    seal.index("one", "phone", "x"),
    seal.index("two", "phone", "x"),
    seal.index("one", "seat", "x"),
    seal.index("one", "phone", "y"),
  ];
  expect(new Set(hashes).size).toBe(4);
  expect(createSeal(randomBytes(32)).index("one", "phone", "x")).not.toBe(hashes[0] ?? "");
});

test("a key of another length is refused", () => {
  expect(() => createSeal(randomBytes(31))).toThrow("32 bytes");
});
