/** What the documents say is true: their commands run, their tables are the code's, their links lead somewhere. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { channelNames } from "../channels/registry.ts";
import { failoverTable } from "../src/calls/failover.ts";
import { refusals } from "../src/domain/refusal.ts";
import { reasons } from "../src/routing/refuse.ts";
import { projectFiles, read, root } from "./tree.ts";

const readmes = ["README.md", "README.zh-CN.md"];
const startTimeoutMs = 180_000;
const folder = mkdtempSync(join(tmpdir(), "hualu-readme-"));
const running = new Set<Started>();

afterAll(() => {
  for (const { child } of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  url: string;
  printed: string;
}

/** `bun start` without any setting but a free port and a folder of its own. */
async function start(): Promise<Started> {
  const child = Bun.spawn([process.execPath, "src/main.ts"], {
    cwd: root,
    env: { PATH: process.env.PATH ?? "", HUALU_DATA_DIR: folder, PORT: "0" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const printed = await new Promise<string>((done) => void readOn(child.stdout, done));
  const started = { child, printed, url: /http:\/\/localhost:\d+/.exec(printed)?.[0] ?? "" };
  running.add(started);
  expect(started.url).not.toBe("");
  return started;
}

/** Reads to the end, since a service whose output nobody takes would stop; tells what stood there once it was ready. */
async function readOn(output: ReadableStream<Uint8Array>, welcomed: (printed: string) => void): Promise<void> {
  let printed = "";
  const decoder = new TextDecoder();
  for await (const chunk of output) {
    printed += decoder.decode(chunk, { stream: true });
    if (printed.includes("admin-key\n")) welcomed(printed);
  }
  welcomed(printed);
}

async function shell(script: string): Promise<string> {
  const child = Bun.spawn(["bash", "-euo", "pipefail", "-c", script], { cwd: folder, stdout: "pipe", stderr: "pipe" });
  const [out, fault, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect([code, fault]).toEqual([0, ""]);
  return out;
}

/** The commands as printed, each on one line. */
function printedCommands(printed: string): string[] {
  return printed
    .replaceAll("\\\n", " ")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("curl "));
}

/** Places a call with the printed command and follows it with the other one, to its end. */
async function callAsPrinted(printed: string): Promise<{ status: string; result: string }> {
  const [dial = "", follow = ""] = printedCommands(printed);
  const { callId, success } = JSON.parse(await shell(dial));
  expect(success).toBe(true);
  for (let version = 0; ; ) {
    const asked = follow.replace("CALL_ID", callId).replace("version=0", `version=${version}`);
    const status = JSON.parse(await shell(asked));
    if (status.status === "ended") return status;
    version = status.version;
  }
}

/** The blocks marked as tested, as one script for a service on another port with another data folder. */
function testedScript(readme: string, url: string): string {
  const blocks = [...read(readme).matchAll(/<!-- tested -->\n```bash\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
  expect(blocks.length).toBeGreaterThan(1);
  return blocks.join("\n").replaceAll("http://localhost:3000", url).replaceAll("data/admin-key", "admin-key");
}

describe("a first start", () => {
  test(
    "what it prints works, what README shows works, and after a kill -9 the next start does",
    async () => {
      const first = await start();
      const [ending, shown] = await Promise.all([
        callAsPrinted(first.printed),
        shell(testedScript("README.md", first.url)),
      ]);
      expect(ending).toMatchObject({ status: "ended", result: "answered" });
      // A template in a channel's settings has braces side by side too, but no object begins there.
      const answers = shown.split(/(?<=\})(?=\{")/).map((text) => JSON.parse(text));
      expect(answers.length).toBeGreaterThan(8);
      expect(answers.filter((answer) => answer.success === false)).toEqual([]);

      const [dial = ""] = printedCommands(first.printed);
      await shell(dial);
      first.child.kill("SIGKILL");
      await first.child.exited;

      const second = await start();
      const [again = ""] = printedCommands(second.printed);
      expect(JSON.parse(await shell(again))).toMatchObject({ success: true, status: "calling" });
      const bearer = /Bearer (\w+)/.exec(second.printed)?.[1] ?? "";
      const kept = await fetch(`${second.url}/api/v1/calls`, { headers: { authorization: `Bearer ${bearer}` } });
      const { calls } = (await kept.json()) as { calls: unknown[] };
      expect(calls).toHaveLength(4);
      second.child.kill("SIGTERM");
      expect(await second.child.exited).toBe(0);
    },
    startTimeoutMs,
  );
});

test("both READMEs run the same commands", () => {
  const commands = (readme: string): string[] =>
    [...read(readme).matchAll(/```(?:bash|sh|json)\n([\s\S]*?)```/g)].map(([, block = ""]) =>
      block.replace(/^#.*\n/gm, "").replace(/ +#.*$/gm, ""),
    );
  expect(commands("README.md")).toEqual(commands("README.zh-CN.md"));
});

/** The cells of a document's table rows whose first cell is a word in backticks. */
function tableRows(path: string): string[][] {
  return read(path)
    .split("\n")
    .filter((line) => /^\| +`\w+` +\|/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map(([, ...cells]) => cells.slice(0, -1));
}

for (const readme of readmes) {
  test(`${readme} lists the settings that there are`, () => {
    const schema = /const environment = z\.object\(\{([\s\S]*?)\n\}\);/.exec(read("src/config.ts"))?.[1] ?? "";
    const settings = [...schema.matchAll(/^ {2}([A-Z][A-Z0-9_]*):/gm)].map(([, name = ""]) => name);
    expect(settings.length).toBeGreaterThan(5);
    const listed = tableRows(readme).map(([name = ""]) => name.replaceAll("`", ""));
    expect(listed.filter((name) => /^[A-Z]/.test(name))).toEqual(settings);
  });

  test(`${readme} lists the channels that there are`, () => {
    const statuses = ["status", "calling", "ringing", "connected", "ended"];
    const listed = tableRows(readme).map(([name = ""]) => name.replaceAll("`", ""));
    const channels = listed.filter((name) => /^[a-z0-9]+$/.test(name) && !statuses.includes(name));
    expect(channels).toEqual(channelNames.toSorted());
  });
}

test("docs/errors.md lists the problem codes that there are", () => {
  const listed = tableRows("docs/errors.md").map(([code = "", status, zh, en]) => [
    code.replaceAll("`", ""),
    Number(status),
    zh,
    en,
  ]);
  expect(listed).toEqual(Object.entries(refusals).map(([code, { status, zh, en }]) => [code, status, zh, en]));
});

test("docs/failover.md prints the table that decides", () => {
  const words = (all: string | readonly string[]): string =>
    all === "any"
      ? "any"
      : [all]
          .flat()
          .map((word) => `\`${word}\``)
          .join(" ");
  const printed = failoverTable.map(({ effect, kind, causes, follows, why }) => {
    return [words(effect), words(kind), words(causes), words(follows), why.zh, why.en];
  });
  expect(tableRows("docs/failover.md")).toEqual(printed);
});

test("docs/routing.md lists the reasons that there are", () => {
  const listed = tableRows("docs/routing.md").map(([reason = ""]) => reason.replaceAll("`", ""));
  expect(listed).toEqual([...reasons]);
});

test("links between the documents lead somewhere", () => {
  const documents = projectFiles().filter((path) => path.endsWith(".md"));
  expect(documents.length).toBeGreaterThan(5);
  const dead = documents.flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !existsSync(join(root, dirname(path), link)))
      .map((link) => `${path}: ${link}`),
  );
  expect(dead).toEqual([]);
});
