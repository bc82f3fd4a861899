import { afterAll, beforeAll, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";

const program = fileURLToPath(new URL("../../docs/examples/app.py", import.meta.url));

let on: TestService;
beforeAll(async () => {
  on = await startTestService();
  await on.line("pushed");
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

test("the app in Python places a call, follows it to its end and reads the record; a refusal is told in words", async () => {
  const run = async (key: string) => {
    const env = { PATH: process.env.PATH ?? "", HUALU_URL: on.url, HUALU_KEY: key, PYTHONIOENCODING: "utf-8" };
    const app = Bun.spawn(["python3", program, customer(4), "order-2"], { env, stdout: "pipe", stderr: "pipe" });
    const [output, errors] = await Promise.all([new Response(app.stdout).text(), new Response(app.stderr).text()]);
    return { lines: output.trim().split("\n"), errors, code: await app.exited };
  };
  const { lines, errors, code } = await run(on.key);
  expect([errors, code]).toEqual(["", 0]);
  expect(lines.at(-2)).toBe("ended busy");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ orderId: "order-2", status: "busy", closeType: 4 });
  const refused = await run("hk_wrong");
  expect(refused.code).toBe(1);
  expect(refused.errors).toContain("401 unauthorized");
}, 60_000);
