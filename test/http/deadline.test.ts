import { expect, test } from "bun:test";
import { createDeadline } from "../../src/http/deadline.ts";

test("what begins together shares a deadline; what begins later has one that is not over", async () => {
  const deadline = createDeadline(300);
  const first = deadline();
  expect(deadline()).toBe(first);
  await new Promise((done) => first.addEventListener("abort", done));
  const later = deadline();
  expect([first.aborted, later.aborted]).toEqual([true, false]);
});
