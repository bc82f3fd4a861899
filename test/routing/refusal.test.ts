/** What a person is told where no line can be chosen. */
import { expect, test } from "bun:test";
import type { Line } from "../../src/lines/directory.ts";
import { makeBook } from "../../src/routing/book.ts";
import { choose, listedMax } from "../../src/routing/choose.ts";
import { refusalOf } from "../../src/routing/wish.ts";
import { lineOf, stateOf, wishOf } from "./worlds.ts";

/** The answer where the tenant has this line as often as that. */
function refused(line: Partial<Line>, health: Parameters<typeof stateOf>[0], wish = {}, count = 1): [string, number] {
  const book = makeBook(
    Array.from({ length: count }, (_, n) => lineOf(n + 1, line)),
    () => stateOf(),
  );
  const choice = choose(book, wishOf(wish), () => stateOf(health));
  expect(choice.candidates).toEqual([]);
  const { code, retryAfterSeconds } = refusalOf(choice, false);
  return [code, retryAfterSeconds ?? 0];
}

for (const count of [1, listedMax + 1]) {
  test(`with ${count} of a kind: what is out for now may be asked again, what never fits may not`, () => {
    const held = { health: { state: "held", share: 0 } } as const;
    const uncertain = { health: { state: "down", share: 0, uncertain: true } } as const;
    const record = { fields: ["record"] } as const;
    expect(refused({}, held, {}, count)).toEqual(["unavailable", 10]);
    expect(refused({}, uncertain, {}, count)).toEqual(["unavailable", 10]);
    expect(refused({ config: { honours: [] } }, {}, record, count)).toEqual(["field_not_honoured", 0]);
    expect(refused({}, {}, { agent: null }, count)).toEqual(["no_agent", 0]);
    expect(refused({ active: false }, {}, {}, count)).toEqual(["no_line", 0]);
  });
}

test("a held line that honours a field speaks against naming the field", () => {
  const book = makeBook([lineOf(1), lineOf(2, { honours: [] })], () => stateOf());
  const choice = choose(book, wishOf({ fields: ["record"] }), () => stateOf({ health: { state: "held", share: 0 } }));
  expect(refusalOf(choice, true).code).toBe("unavailable");
  expect(choice.considered.map((one) => one.reason)).toEqual(["held", "field_not_honoured"]);
});
