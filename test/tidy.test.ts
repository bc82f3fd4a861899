/** Style that a machine can see: sizes, names, words that must not stand anywhere, files and names that nobody uses. */
import { expect, test } from "bun:test";
import { basename, extname } from "node:path";
import { importsOf, projectFiles, read } from "./tree.ts";

const files = projectFiles();
const typescript = files.filter((path) => path.endsWith(".ts"));
const product = typescript.filter((path) => /^(src|channels|db)\//.test(path));
/** Made by programs. */
const generated = /^(package-lock\.json|bun\.lock|db\/migrations\/)/;
const written = files.filter((path) => !generated.test(path) && !/\.(png|ico|wav|gz)$/.test(path));
const linesOf = (path: string): string[] => read(path).split("\n");

const fileLinesMax = 300;
const adapterLinesMax = 200;
const columnsMax = 120;
/** Statements of SQL and sentences stand in literals, which no formatter breaks. */
const literalColumnsMax = 180;
const functionLinesMax = 70;

test("there is something to look at", () => {
  expect(product.length).toBeGreaterThan(80);
  expect(files).toContain("package.json");
  expect(files.filter((path) => path.startsWith("node_modules/"))).toEqual([]);
});

test(`files have at most ${fileLinesMax} lines, an adapter's ${adapterLinesMax}`, () => {
  const isAdapter = (path: string): boolean => /^channels\/(?!kit\/)[^/]+\//.test(path);
  const max = (path: string): number => (isAdapter(path) ? adapterLinesMax : fileLinesMax);
  const long = typescript.map((path) => ({ path, lines: linesOf(path).length - 1 }));
  expect(long.filter(({ path, lines }) => lines > max(path))).toEqual([]);
});

test(`lines have at most ${columnsMax} columns`, () => {
  const long = [...typescript, ".ci/run"].flatMap((path) =>
    linesOf(path).flatMap((line, index) => {
      const columns = [...line].length;
      const inLiteral = /`|"[^"]{30,}"|\$\{|^\s+(select|from|where|values|insert|update|delete|and) /.test(line);
      const isComment = /^\s*(\/\/|\/?\*)/.test(line);
      return columns > (inLiteral && !isComment ? literalColumnsMax : columnsMax) ? [`${path}:${index + 1}`] : [];
    }),
  );
  expect(long).toEqual([]);
});

/**
 * The formatter puts a body's last brace under its first line's beginning, so that bodies can be told by indentation.
 * Lines of functions inside a function count for those, not for it.
 */
function functionsOf(text: string): { name: string; lines: number }[] {
  const found: { name: string; lines: number }[] = [];
  const open: { name: string; indent: string; from: number; inner: number }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const indent = /^\s*/.exec(line)?.[0] ?? "";
    const last = open.at(-1);
    if (last !== undefined && indent === last.indent && line.trimStart().startsWith("}")) {
      const all = index - last.from;
      found.push({ name: last.name, lines: all - last.inner });
      open.pop();
      const outer = open.at(-1);
      if (outer !== undefined) outer.inner += all;
    }
    const begins = /(=>|\)(: [^{}=]+)?) \{$/.test(line) && !/^\s*(\} )?(if|for|while|switch|catch|else)\b/.test(line);
    if (begins) open.push({ name: line.trim().slice(0, 60), indent, from: index, inner: 0 });
  }
  return found;
}

/** Longer ones, each with the reason. */
const longFunctions: Record<string, string> = {
  "src/service.ts createService": "it joins everything, and what it joins is one list",
};

test(`functions have at most ${functionLinesMax} lines of their own`, () => {
  const kit = typescript.filter((path) => !path.endsWith(".test.ts"));
  const all = kit.flatMap((path) => functionsOf(read(path)).map((one) => ({ path, ...one })));
  expect(all.length).toBeGreaterThan(300);
  const nameOf = (line: string): string => /function\*? (\w+)/.exec(line)?.[1] ?? line;
  const long = all.filter(({ lines }) => lines > functionLinesMax).map(({ path, name }) => `${path} ${nameOf(name)}`);
  expect(long.filter((one) => longFunctions[one] === undefined)).toEqual([]);
  expect(Object.keys(longFunctions).filter((one) => !long.includes(one))).toEqual([]);
});

test("no file, folder or type has a name that says nothing", () => {
  const empty = /^(utils?|helpers?|common|manager|data|info)$/i;
  const names = files
    .filter((path) => !generated.test(path))
    .flatMap((path) => path.split("/").map((part) => ({ path, name: basename(part, extname(part)) })));
  const types = typescript.flatMap((path) =>
    [...read(path).matchAll(/^(?:export )?(?:interface|type|class|enum) (\w+)/gm)].map(([, name = ""]) => ({
      path,
      name,
    })),
  );
  const lastWord = (name: string): string => name.split(/[.\-_]|(?=[A-Z])/).at(-1) ?? name;
  expect(names.filter(({ name }) => empty.test(name))).toEqual([]);
  expect(types.filter(({ name }) => empty.test(name) || /^(utils?|helpers?|manager)$/i.test(lastWord(name)))).toEqual(
    [],
  );
});

/** Put together here, so that this file does not hold what it looks for. */
const banned: Record<string, RegExp> = {
  "work that is left for later": new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X".repeat(3)].join("|")})\\b`),
  "a path of one machine": new RegExp(
    `(^|[\\s"'\`(=:])/(${["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers", "tmp/ba" + "sh"].join("|")})[/_.]`,
    "m",
  ),
  "a package registry": new RegExp(["registry\\.npm" + "js", "npm" + "mirror", "jsr\\." + "io", "npm\\.pkg"].join("|")),
};

test("no file holds what belongs to one machine, or to later", () => {
  const found = written.flatMap((path) => {
    const text = read(path);
    return Object.entries(banned).flatMap(([what, pattern]) => (pattern.test(text) ? [`${path}: ${what}`] : []));
  });
  expect(found).toEqual([]);
  const locks = files.filter((path) => /^(package-lock\.json|bun\.lock)$/.test(path));
  expect(locks.filter((path) => /"resolved":|https?:\/\/[^"]*\/-\//.test(read(path)))).toEqual([]);
});

test("no test is left out, or runs alone", () => {
  const left = new RegExp(
    `\\b(test|it|describe)\\.(${["on" + "ly", "sk" + "ip", "to" + "do", "fail" + "ing"].join("|")})\\b`,
  );
  expect(typescript.filter((path) => left.test(read(path)))).toEqual([]);
});

/** Where the world may be reached for; everywhere else it is an argument. */
const mayReach: [what: string, pattern: RegExp, where: RegExp][] = [
  ["the environment", /process\.env|Bun\.env/, /^src\/(config|main)\.ts$|^src\/command\/|^test\//],
  [
    "the clock",
    /\bDate\.now\b|new Date\(\)|performance\.now\b/,
    /^src\/(service|clock|main)\.ts$|^src\/command\/|^channels\/[^/]+\/(fake\.ts|far\/)|^test\//,
  ],
  [
    "chance",
    /\bMath\.random\b|\brandomUUID\(|crypto\.getRandomValues/,
    /^src\/(service|clock|main)\.ts$|^src\/command\/|^channels\/[^/]+\/(fake\.ts|far\/)|^test\//,
  ],
  [
    "the network",
    /(?<![\w.$])fetch\((?!\s*(request|_?\w+): )|globalThis\.fetch|\bBun\.fetch\b/,
    /^src\/(service|guard\/exchange)\.ts$|^channels\/kit\/http\.ts$|^channels\/[^/]+\/(fake\.ts|far\/)|^test\//,
  ],
];

/** Examples are programs of their own, as an app's developer writes them. */
const ours = typescript.filter((path) => !path.startsWith("docs/examples/"));

for (const [what, pattern, where] of mayReach) {
  test(`${what} is reached for only where it is an argument of the rest`, () => {
    const found = ours.filter((path) => !where.test(path) && pattern.test(read(path)));
    expect(found).toEqual([]);
    // A rule that nothing needs looks at the wrong thing.
    expect(typescript.some((path) => where.test(path) && pattern.test(read(path)))).toBe(true);
  });
}

const entries = ["src/main.ts", "src/command/main.ts", "channels/start-fake.ts", "db/drizzle.config.ts"];

test("every file is used: by the service, the commands, or, where it is a far side, a test", () => {
  const imports = new Map(typescript.map((path) => [path, importsOf(path).map(({ target }) => target)]));
  const reach = (from: readonly string[]): Set<string> => {
    const seen = new Set(from);
    for (const path of seen) for (const target of imports.get(path) ?? []) seen.add(target);
    return seen;
  };
  const used = reach(entries);
  const tested = reach(typescript.filter((path) => path.startsWith("test/")));
  const isFar = (path: string): boolean => /^channels\/[^/]+\/(fake\.ts|far\/)/.test(path);
  expect(product.filter((path) => !used.has(path) && !(isFar(path) && tested.has(path)))).toEqual([]);
  const suites = reach(typescript.filter((path) => /^test\/.*(\.test|preload)\.ts$|^test\/bench\//.test(path)));
  expect(typescript.filter((path) => path.startsWith("test/") && !suites.has(path))).toEqual([]);
});

/** Read by programs of others. */
const exportedFor: Record<string, string> = {
  "db/drizzle.config.ts default": "drizzle-kit reads it",
};

/** Types are left out: they are the words in which an exported function speaks. */
test("every exported value is used somewhere", () => {
  const taken = new Set<string>();
  const whole = new Set<string>();
  for (const path of typescript) {
    const text = read(path);
    for (const { target, ours, names } of importsOf(path, text)) {
      if (!ours) continue;
      for (const name of names) taken.add(`${target} ${name}`);
      if (names.length === 0) whole.add(target);
    }
  }
  const declared = /^export (?:async )?(?:const|let|function\*?|class|enum) (\w+)|^export (default)\b/gm;
  const usedHere = (text: string, name: string): boolean => text.split(new RegExp(`\\b${name}\\b`)).length > 2;
  const unused = product
    .filter((path) => !whole.has(path))
    .flatMap((path) => {
      const text = read(path);
      const names = [...text.matchAll(declared)].map(([, name, none]) => name ?? none ?? "");
      return names
        .filter((name) => !taken.has(`${path} ${name}`) && !usedHere(text, name))
        .map((name) => `${path} ${name}`);
    });
  expect(unused.filter((one) => exportedFor[one] === undefined)).toEqual([]);
  expect(Object.keys(exportedFor).filter((one) => !unused.includes(one))).toEqual([]);
});

test("a channel's name fits the column of the requirements", () => {
  const folders = files.flatMap((path) => /^channels\/([^/]+)\//.exec(path)?.[1] ?? []);
  const names = product
    .filter((path) => path.startsWith("channels/"))
    .flatMap((path) => [...read(path).matchAll(/^\s+provider: "(\w+)",$/gm)].map(([, name = ""]) => name));
  expect(names).toContain("fake");
  expect([...new Set([...folders, ...names])].filter((name) => name.length > 8)).toEqual([]);
});

interface NpmLock {
  packages: Record<string, { version?: string; dependencies?: object; devDependencies?: object }>;
}
interface BunLock {
  workspaces: Record<string, { dependencies?: object; devDependencies?: object }>;
  packages: Record<string, [string]>;
}

test("both lock files belong to package.json, and name the same versions", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  const npm: NpmLock = JSON.parse(read("package-lock.json"));
  // Bun leaves commas at ends.
  const bun: BunLock = JSON.parse(read("bun.lock").replace(/,(\s*[}\]])/g, "$1"));
  const fix = "after a change of packages: npm install && rm bun.lock && bun install --lockfile-only";
  expect([fix, npm.packages[""]]).toMatchObject([fix, { dependencies, devDependencies }]);
  expect([fix, bun.workspaces[""]]).toMatchObject([fix, { dependencies, devDependencies }]);
  // Where in the tree a version stands is each one's own affair.
  const byNpm = new Set(
    Object.entries(npm.packages).map(([path, { version }]) => `${path.split("node_modules/").at(-1)}@${version}`),
  );
  const differing = Object.values(bun.packages).flatMap(([id]) => (byNpm.has(id) ? [] : [id]));
  expect([fix, differing]).toEqual([fix, []]);
});
