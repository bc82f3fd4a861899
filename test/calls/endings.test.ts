import { afterAll, beforeAll, expect, test } from "bun:test";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";

let on: TestService;
const lines: Record<string, number> = {};

beforeAll(async () => {
  on = await startTestService();
  lines.push = await on.line("pushed", { flavour: "push" });
  lines.poll = await on.line("polled", { flavour: "poll" });
  for (const lookup of ["running", "ended", "none"]) {
    for (const flavour of ["push", "poll"])
      lines[`${flavour} ${lookup}`] = await on.line(`${flavour} ${lookup}`, { flavour, lookup });
  }
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

/** `product.md`'s table: status, close_type, hangup_cause by the customer's last digit. */
const table: [digit: number, script: Json, status: string, closeType: number, cause: string][] = [
  [0, null, "ended", 0, "NORMAL_CLEARING"],
  [1, null, "missed", 1, "NO_ANSWER"],
  [2, null, "missed", 2, "NO_ANSWER"],
  [3, null, "busy", 3, "USER_BUSY"],
  [4, null, "busy", 4, "USER_BUSY"],
  [5, null, "rejected", 4, "CALL_REJECTED"],
  [6, null, "failed", 6, "NETWORK_ERROR"],
  [8, null, "failed", 6, "NETWORK_ERROR"],
  [9, null, "ended", 0, "NORMAL_CLEARING"],
  [0, { ending: "a-declined" }, "rejected", 3, "CALL_REJECTED"],
  [0, { ending: "b-vacant" }, "failed", 2, "UNALLOCATED_NUMBER"],
  [0, { ending: "b-malformed" }, "failed", 2, "INVALID_NUMBER"],
];

for (const flavour of ["push", "poll"]) {
  for (const [digit, script, status, closeType, cause] of table) {
    const name = script === null ? `ending ${digit}` : script.ending;
    test(`${flavour}: ${name} gives ${status}, ${closeType}, ${cause}`, async () => {
      const phone = customer(digit);
      if (script !== null) on.far.script(`+86${phone}`, script);
      const answer = await on.dial({ customerPhone: phone, agent: customer(0), lineId: lines[flavour] });
      expect(answer.status).toBe(digit === 6 || digit === 8 ? 503 : 200);
      const record = await on.ended(answer.body.callId);
      expect([record.status, record.closeType, record.hangupCause]).toEqual([status, closeType, cause]);
      expect(record.answered).toBe(status === "ended");
      const rang = on.far.ringsOf(`+86${phone}`);
      expect([rang.a <= 1, rang.b <= 1]).toEqual([true, true]);
      if (status === "ended") expect(rang).toEqual({ a: 1, b: 1 });
    });
  }
}
