import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac, randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { customer, startTestService, startTimeoutMs, type TestService } from "./service.ts";

const example = (name: string): string => fileURLToPath(new URL(`../docs/examples/${name}`, import.meta.url));

let on: TestService;
beforeAll(async () => {
  on = await startTestService();
  await on.line("pushed");
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

test("the app in TypeScript places a call, follows it to its end and reads the record", async () => {
  const env = { PATH: process.env.PATH ?? "", HUALU_URL: on.url, HUALU_KEY: on.key };
  const app = Bun.spawn([process.execPath, example("app.ts"), customer(0), "order-1"], {
    env,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors] = await Promise.all([new Response(app.stdout).text(), new Response(app.stderr).text()]);
  expect([errors, await app.exited]).toEqual(["", 0]);
  const lines = output.trim().split("\n");
  expect(lines.at(-2)).toBe("ended answered");
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ orderId: "order-1", status: "ended", answered: true });
}, 60_000);

test("the receiver believes what is signed, once, and refuses what is tampered with, old or signed by another", async () => {
  const secret = randomBytes(24);
  const env = { PATH: process.env.PATH ?? "", HUALU_WEBHOOK_SECRET: `whsec_${secret.toString("base64")}`, PORT: "0" };
  const receiver = Bun.spawn([process.execPath, example("receiver.ts")], { env, stdout: "pipe" });
  const output = receiver.stdout.getReader();
  const read = async (): Promise<string> => new TextDecoder().decode((await output.read()).value);
  const url = (await read()).trim().replace("listening on ", "");
  const send = async (key: Buffer, body: string, shown = body, now = Date.now()): Promise<number> => {
    const time = String(Math.floor(now / 1000));
    const signature = createHmac("sha256", key).update(`msg_1.${time}.${body}`).digest("base64");
    const headers = {
      "webhook-id": "msg_1",
      "webhook-timestamp": time,
      "webhook-signature": `v1,AAAA v1,${signature}`,
    };
    return (await fetch(url, { method: "POST", headers, body: shown })).status;
  };
  const body = JSON.stringify({ id: "evt_1", type: "call.ended", callId: "call_1", version: 3 });
  expect(await send(secret, body)).toBe(204);
  expect(await send(secret, body)).toBe(204);
  expect(await send(secret, body, body.replace("3", "4"))).toBe(401);
  expect(await send(secret, body, body, Date.now() - 3_600_000)).toBe(401);
  expect(await send(randomBytes(24), body)).toBe(401);
  receiver.kill("SIGTERM");
  await receiver.exited;
  expect(await read()).toBe("call.ended call_1 version 3\n");
});
