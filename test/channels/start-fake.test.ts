/** Far sides as processes of their own, with what they print, and calls through them. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { channelNames } from "../../channels/registry.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { root } from "../tree.ts";

setDefaultTimeout(60_000);
let on: TestService;
const running = new Set<Started>();
beforeAll(async () => {
  on = await startTestService();
  on.secrets.push("demo-secret-of-nobody");
  // Real phones are rung by day only, and tests run at any hour.
  await on.ask("PUT", "/api/v1/settings", { body: { callingFrom: "00:00", callingUntil: "24:00" } });
}, startTimeoutMs);
afterAll(async () => {
  for (const { child } of running) child.kill("SIGTERM");
  await on.stop();
}, startTimeoutMs);

interface Started {
  child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  printed: string;
  /** What it prints to be posted. */
  line: Json;
  agent: Json;
}

function spawn(args: readonly string[]): Started["child"] {
  const command = [process.execPath, "run", "fake", ...args];
  const env = { PATH: process.env.PATH ?? "" };
  return Bun.spawn(command, { cwd: root, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}

async function start(...args: string[]): Promise<Started> {
  const child = spawn(args);
  const decoder = new TextDecoder();
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += decoder.decode(chunk, { stream: true });
    if (printed.includes("Ctrl+C")) break;
  }
  const [line, agent] = printed
    .split("\n")
    .filter((one) => one.startsWith("{"))
    .map((one) => JSON.parse(one));
  const started = { child, printed, line, agent };
  running.add(started);
  return started;
}

async function stop(started: Started, signal: "SIGTERM" | "SIGINT"): Promise<number> {
  started.child.kill(signal);
  const code = await started.child.exited;
  running.delete(started);
  return code;
}

async function lineOf({ line }: Started): Promise<{ id: number; webhookUrl: string }> {
  const made = await on.ask("POST", "/api/v1/calls/lines", { body: line });
  expect(made.status).toBe(201);
  return (await on.ask("GET", `/api/v1/calls/lines/${made.body.id}`)).body;
}

/** Whoever is described in a line's settings: there is no one provider to play. */
const withoutProvider = ["custom", "jy", "hollycrm"];

let agents = 0;
async function called(lineId: number, digit: number): Promise<Json> {
  agents += 1;
  const agent = `138${String(agents).padStart(8, "0")}`;
  const { body } = await on.ask("POST", "/api/v1/calls/dial", {
    body: { customerPhone: customer(digit), agent, lineId },
  });
  return on.ended(body.callId);
}

test("each far side lets in whoever uses the line that it prints, and says what it is", async () => {
  expect(channelNames).toEqual(expect.arrayContaining(withoutProvider));
  for (const provider of channelNames.filter((name) => !withoutProvider.includes(name))) {
    const started = await start(provider);
    expect(started.printed).toMatch(/不响任何电话 · .*rings no phone/);
    for (let digit = 0; digit < 10; digit += 1) expect(started.printed).toContain(`\n  ${digit}  `);
    expect(started.line).toMatchObject({ name: `模拟 · simulated ${provider}`, providerType: provider });
    const { name: _, ...unsaved } = started.line;
    const tested = await on.ask("POST", "/api/v1/calls/lines/test", { body: unsaved });
    expect([provider, tested.body.message]).toEqual([provider, "连接正常 · connected"]);
    if (started.agent !== undefined) {
      expect((await on.ask("POST", "/api/v1/agents", { body: started.agent })).status).toBe(201);
    }
    expect(await stop(started, "SIGINT")).toBe(0);
  }
});

test("calls go through two of them: one is told its webhook by each call, the other as one enters it there", async () => {
  const fake = await start("fake", "--speed", "20");
  const fakeLine = await lineOf(fake);

  const unpushed = await start("e9", "--speed", "20");
  expect(unpushed.printed).toContain("without --webhook nothing is pushed");
  const e9Line = await lineOf(unpushed);
  const { port } = new URL(unpushed.line.providerConfig.baseUrl);
  expect(await stop(unpushed, "SIGTERM")).toBe(0);
  const e9 = await start("e9", "--speed", "20", "--port", port, "--webhook", e9Line.webhookUrl);
  expect(e9.line).toEqual(unpushed.line);
  expect(e9.printed).not.toContain("without --webhook");

  for (const { id } of [fakeLine, e9Line]) {
    const [talked, unanswered] = await Promise.all([called(id, 0), called(id, 2)]);
    expect(talked).toMatchObject({ lineId: id, status: "ended", closeType: 0 });
    expect(unanswered).toMatchObject({ lineId: id, status: "missed", closeType: 2 });
  }
  expect(await Promise.all([stop(fake, "SIGTERM"), stop(e9, "SIGTERM")])).toEqual([0, 0]);
});

test("what makes no sense is said in one sentence with the usage, and ends with 2", async () => {
  const taken = await start("fake");
  const { port } = new URL(taken.line.providerConfig.baseUrl);
  const tries: [args: string[], said: string][] = [
    [[], "no such provider"],
    [["nobody"], "no such provider: nobody"],
    [["constructor"], "no such provider: constructor"],
    [["e9", "hw"], "too many words: hw"],
    [["e9", "--port", "65536"], "a port is 0 to 65535"],
    [["e9", "--port", "http"], "a port is 0 to 65535"],
    [["e9", "--port", port], `port ${port} is taken`],
    [["e9", "--speed", "0"], "a speed is above 0"],
    [["e9", "--webhook", "hualu.example"], "a webhook is an http address"],
    [["fake", "--webhook", "http://127.0.0.1:9/"], "each call brings its own webhook"],
    [["e9", "--loud"], "the arguments make no sense"],
  ];
  for (const [args, said] of tries) {
    const child = spawn(args);
    const [out, fault, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    expect([args, out, code]).toEqual([args, "", 2]);
    expect(fault).toContain(said);
    expect(fault).toContain("bun run fake <provider>");
  }
  await stop(taken, "SIGTERM");
});
