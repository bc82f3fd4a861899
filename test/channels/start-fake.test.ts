/** Far sides as processes of their own, with what they print, and calls through them. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { channelNames } from "../../channels/registry.ts";
import { readNetwork } from "../../src/guard/addresses.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { root } from "../tree.ts";

setDefaultTimeout(60_000);
let on: TestService;
const running = new Set<Started>();
beforeAll(async () => {
  on = await startTestService({ allowNetworks: [readNetwork("127.0.0.1")] });
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

let agents = 0;
async function dialed(lineId: number, digit: number, known?: string): Promise<string> {
  agents += 1;
  const agent = known ?? `138${String(agents).padStart(8, "0")}`;
  const { body } = await on.ask("POST", "/api/v1/calls/dial", {
    body: { customerPhone: customer(digit), agent, lineId },
  });
  return body.callId;
}

/** What the command can start; `custom` in each of its dialects. */
const all = channelNames.flatMap((name) =>
  name === "custom" ? ["json", "form", "xml"].map((dialect) => ["custom", "--dialect", dialect]) : [[name]],
);
/** Of whose pushes, and ways to ask, nothing is known: how a call went is never told. */
const silent = "hollycrm";

/** As the command tells it: the line is made as printed, and its webhook entered there, where that has to be. */
async function lineOfRunning(args: readonly string[]): Promise<{ started: Started; lineId: number }> {
  const started = await start(...args, "--speed", "20");
  const { id: lineId, webhookUrl } = await lineOf(started);
  if (!started.printed.includes("without --webhook nothing is pushed")) return { started, lineId };
  const { baseUrl, apiBaseUrl } = started.line.providerConfig;
  expect(await stop(started, "SIGTERM")).toBe(0);
  const { port } = new URL(baseUrl ?? apiBaseUrl);
  const again = await start(...args, "--speed", "20", "--port", port, "--webhook", webhookUrl);
  expect(again.printed).not.toContain("without --webhook");
  const { providerConfig } = again.line;
  const changed = await on.ask("PUT", `/api/v1/calls/lines/${lineId}`, { body: { providerConfig } });
  expect(changed.status).toBe(200);
  return { started: again, lineId };
}

for (const args of all) {
  const [provider = ""] = args;
  test(`bun run fake ${args.join(" ")}: lets in whoever uses the line that it prints, and plays a call`, async () => {
    const { started, lineId } = await lineOfRunning(args);
    expect(started.printed).toMatch(/不响任何电话 · .*rings no phone/);
    for (let digit = 0; digit < 10; digit += 1) expect(started.printed).toContain(`\n  ${digit}  `);
    expect(started.line).toMatchObject({ name: `模拟 · simulated ${provider}`, providerType: provider });
    const tested = await on.ask("POST", `/api/v1/calls/lines/${lineId}/test`);
    expect(tested.body.message).toBe("连接正常 · connected");
    if (started.agent !== undefined) {
      expect((await on.ask("POST", "/api/v1/agents", { body: started.agent })).status).toBe(201);
    }
    const callId = await dialed(lineId, 0, started.agent?.id);
    if (provider === silent) {
      const placed = await on.until(callId, ({ providerCallId }) => providerCallId !== null);
      expect(placed).toMatchObject({ lineId, providerCallId: `${callId}.1` });
    } else {
      expect(await on.ended(callId)).toMatchObject({ lineId, status: "ended", closeType: 0, answered: true });
    }
    expect(await stop(started, "SIGINT")).toBe(0);
  });
}

test("a call that nobody answers is told by the one that each call brings a webhook, and by the other", async () => {
  const both = [await lineOfRunning(["fake"]), await lineOfRunning(["e9"])];
  for (const { lineId, started } of both) {
    const unanswered = await on.ended(await dialed(lineId, 2));
    expect(unanswered).toMatchObject({ lineId, status: "missed", closeType: 2 });
    expect(await stop(started, "SIGTERM")).toBe(0);
  }
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
    [["hollycrm", "--webhook", "http://127.0.0.1:9/"], "no pushes of it are known"],
    [["custom", "--dialect", "morse"], "only custom has dialects: json, form, xml"],
    [["jy", "--dialect", "json"], "only custom has dialects: json, form, xml"],
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
