/** One direction: a file imports its own folder and what stands above it; providers are named in few places. */
import { expect, test } from "bun:test";
import { importsOf, projectFiles, read } from "./tree.ts";

/**
 * From the vocabulary down to the process. Each row lists its parts; a part is a folder or some files, and parts of one
 * row do not import each other. Some folders are not there yet.
 */
const rows: readonly (readonly string[])[] = [
  ["channels/{contract,errors}.ts"],
  ["channels/kit/**"],
  ["channels/*/**"],
  ["channels/registry.ts"],
  ["src/domain/**"],
  ["src/log.ts", "src/clock.ts"],
  ["src/fresh.ts"],
  ["src/guard/**"],
  ["src/config.ts"],
  ["db/**"],
  ["src/context.ts"],
  ["src/metrics/**"],
  ["src/auth/**"],
  ["src/secrets.ts"],
  ["src/lines/**"],
  ["src/limits/**"],
  ["src/health/**"],
  ["src/routing/**"],
  ["src/outbox/**"],
  ["src/parked/**"],
  ["src/calls/**"],
  ["src/inbox/**"],
  ["src/recordings/**", "src/phones/**", "src/tasks/**", "src/reports/**"],
  ["src/notify/**", "src/streams/**"],
  ["src/http/**", "src/crmapp/**", "src/web/**", "src/loops/**"],
  ["src/demo.ts", "src/welcome.ts"],
  ["src/service.ts"],
  ["src/main.ts", "src/command/**", "channels/start-fake.ts"],
];

interface Exception {
  file: string;
  /** What it imports or names against the rule. */
  what: string;
  reason: string;
}

const upward: readonly Exception[] = [
  {
    file: "src/http/health.ts",
    what: "src/loops/drain.ts",
    reason: "the callback log's health shows what this process's drains counted, and how much waits",
  },
];

const namesProvider: readonly Exception[] = [
  { file: "src/http/line-schema.ts", what: "fake", reason: "the interface's example of a channel's name" },
];
/** Where providers meet the rest. */
const mayNameProviders = ["channels/registry.ts", "channels/start-fake.ts", "src/service.ts", "src/demo.ts"];

const patterns = rows.flatMap((parts, row) => parts.map((part) => ({ part, row, glob: new Bun.Glob(part) })));

/** The first part that fits; each provider's folder is a part of its own. */
function placeOf(path: string): { row: number; part: string } | null {
  const found = patterns.find(({ glob }) => glob.match(path));
  if (found === undefined) return null;
  const provider = found.part === "channels/*/**" ? path.split("/")[1] : "";
  return { row: found.row, part: found.part + provider };
}

const files = projectFiles().filter((path) => /^(src|channels|db)\/.*\.ts$/.test(path));
const folders = files.flatMap((path) => /^channels\/([^/]+)\//.exec(path)?.[1] ?? []);
const providers = [...new Set(folders)].filter((name) => name !== "kit");

function withoutComments(text: string): string {
  // zod's word for a fault of one's own is a channel's name too.
  return text
    .replaceAll('code: "custom"', "")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^\s*\/\/.*$/gm, "");
}

/** Violations that are no exception, and exceptions that are none. */
function check(found: readonly { file: string; what: string }[], exceptions: readonly Exception[]): string[] {
  const same = (one: { file: string; what: string }, other: { file: string; what: string }): boolean =>
    one.file === other.file && one.what === other.what;
  return [
    ...found
      .filter((one) => !exceptions.some((other) => same(one, other)))
      .map(({ file, what }) => `${file} must not know ${what}`),
    ...exceptions
      .filter((one) => !found.some((other) => same(one, other)))
      .map(({ file, what }) => `no longer an exception: ${file}, ${what}`),
  ];
}

test("there is something to look at, and every file has its row", () => {
  expect(files.length).toBeGreaterThan(80);
  expect(providers).toContain("fake");
  expect(files.filter((path) => placeOf(path) === null)).toEqual([]);
});

test("the imports that are read here are those that the compiler sees", () => {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  for (const path of files) {
    const text = read(path);
    const ours = new Set(importsOf(path, text).map(({ target }) => target));
    // What is used only as a type is not among the compiler's.
    const seen = transpiler.scanImports(text).filter(({ kind }) => kind !== "internal");
    for (const { path: from } of seen) {
      const [only] = importsOf(path, `import "${from}"`);
      expect([path, from, ours.has(only?.target ?? "")]).toEqual([path, from, true]);
    }
  }
});

test("a file imports its own folder and the rows above it", () => {
  const found = files.flatMap((file) => {
    const own = placeOf(file);
    return importsOf(file)
      .filter(({ ours }) => ours)
      .filter(({ target }) => {
        const other = placeOf(target);
        if (own === null || other === null) return true;
        return own.part !== other.part && other.row >= own.row;
      })
      .map(({ target }) => ({ file, what: target }));
  });
  expect(check(found, upward)).toEqual([]);
});

test("providers are named only where they meet the rest", () => {
  const found = files
    .filter((file) => !mayNameProviders.includes(file))
    .flatMap((file) => {
      const text = withoutComments(read(file));
      const own = file.startsWith("channels/") ? file.split("/")[1] : undefined;
      return providers
        .filter((name) => name !== own)
        .filter((name) => new RegExp(`(["'\`])${name}\\1|channels/${name}/`).test(text))
        .map((what) => ({ file, what }));
    });
  expect(check(found, namesProvider)).toEqual([]);
});

test("a far side knows nothing of its adapter but types and fixtures, and no adapter knows its far side", () => {
  const isFar = (path: string): boolean => /^channels\/[^/]+\/(fake\.ts|far\/.*)$/.test(path);
  // A program of its own that runs far sides and no adapter; standing in the last row, it is imported by nobody.
  const startsFarSides = "channels/start-fake.ts";
  expect(importsOf(startsFarSides).filter(({ target, ours }) => ours && !isFar(target))).toEqual([]);
  const found = files
    .filter((file) => file.startsWith("channels/") && file !== startsFarSides)
    .flatMap((file) =>
      importsOf(file)
        .filter(({ ours }) => ours)
        .filter(({ target, typeOnly }) => {
          if (!isFar(file)) return isFar(target);
          return target.startsWith("channels/") && !isFar(target) && !typeOnly && !target.includes("/fixtures/");
        })
        .map(({ target }) => ({ file, what: target })),
    );
  expect(check(found, [])).toEqual([]);
});
