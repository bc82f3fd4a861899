/** The last net under the allow-list of log fields: what no finished line may hold, wherever in it. */
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { createLog, scrub } from "../src/log.ts";
import { newSecret } from "../src/notify/secret.ts";

/** 32 bytes whose base64 holds what reads like a mainland mobile between two signs of its alphabet. */
const withNumber = Buffer.from(`AAAA+13912345678/${"B".repeat(25)}A=`, "base64");

const secrets: [name: string, text: string][] = [
  ["a number", "13912345678"],
  ["a number with its country", "+8613912345678"],
  ["a landline", "02150001234"],
  ["a key", `hk_${randomBytes(20).toString("hex")}`],
  ["a webhook address's token", `wh_${"a1".repeat(16)}`],
  ["a ticket", `tk_${"a1".repeat(20)}`],
  ["a signing secret", newSecret(randomBytes)],
  ["a signing secret with a number in it", newSecret(() => withNumber)],
];

for (const [name, text] of secrets) {
  test(`${name} is taken out`, () => {
    for (const around of ["", "x ", '{"code":"', "https://a.example/?q="]) {
      expect(scrub(`${around}${text}`)).toBe(`${around}***`);
      expect(scrub(`${around}${text}" y`)).toBe(`${around}***" y`);
    }
    const lines: string[] = [];
    createLog("trace", (line) => lines.push(line)).error({ code: text, tenant: text }, `failed: ${text}`);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ code: "***", tenant: "***", msg: "failed: ***" });
  });
}

test("what only begins like a secret stays", () => {
  for (const text of ["whsec_ is the prefix", "hk_short", "call_20261121_0123456789abcdef", "2026-11-21T14:35:00.000Z"])
    expect(scrub(text)).toBe(text);
});
