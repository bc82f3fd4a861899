/** The project's own files, as the tests about them see them. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

export const root = join(import.meta.dir, "..");

/** Every file that is the project's, by its path from the root: git knows, and without git all but what is made. */
export function projectFiles(): string[] {
  const listed = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], { cwd: root });
  const inside = Bun.spawnSync(["git", "rev-parse", "--show-cdup"], { cwd: root });
  const known = listed.success && inside.stdout.toString().trim() === "";
  const files = known ? listed.stdout.toString().split("\0").filter(Boolean) : walk(root);
  return files.filter(isThere).sort();
}

const made = new Set(["node_modules", "data", ".git"]);

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return made.has(entry.name) ? [] : walk(path);
    return entry.isFile() && !/\.log$|^\.env$/.test(entry.name) ? [relative(root, path)] : [];
  });
}

/** A file that git still lists may have been removed since. */
function isThere(path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false })?.isFile() ?? false;
}

export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export interface Import {
  /** A path from the root, or a package's name. */
  target: string;
  ours: boolean;
  /** Nothing of it is left when the program runs. */
  typeOnly: boolean;
  /** Names taken by name; empty for side effects, `import()` and namespaces. */
  names: string[];
}

const statement =
  /^(?:import|export)\s+(?<type>type\s)?(?:(?<what>[\w*${}\s,]+?)\s+from\s+)?"(?<from>[^"]+)"|\bimport\(\s*"(?<later>[^"]+)"\s*\)/gm;

/** What a TypeScript file imports: statically, dynamically, re-exported, types too. */
export function importsOf(path: string, text = read(path)): Import[] {
  const found: Import[] = [];
  for (const { groups } of text.matchAll(statement)) {
    const from = groups?.from ?? groups?.later ?? "";
    const ours = from.startsWith(".");
    const target = ours ? normalize(join(dirname(path), from)) : from;
    const braces = /\{([^}]*)\}/.exec(groups?.what ?? "")?.[1] ?? "";
    const words = braces.split(",").map((word) => word.trim());
    const named = words.filter(Boolean);
    const onlyTypes = named.length > 0 && named.every((word) => word.startsWith("type "));
    const names = named.map((word) => word.replace(/^type\s+/, "").replace(/\s+as\s+.*$/, ""));
    found.push({ target, ours, typeOnly: groups?.type !== undefined || onlyTypes, names });
  }
  return found;
}
