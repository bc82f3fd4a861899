import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { keyPattern, newKey } from "./auth/keys.ts";
import { type Config, ConfigError } from "./config.ts";

const secretKeyBytes = 32;

/** The key that seals what is stored: from the settings, else made once and kept in the data folder. */
export function loadSecretKey(config: Config): Uint8Array {
  if (config.secretKey !== null) return config.secretKey;
  const path = join(config.dataDir, "secret-key");
  const key = Buffer.from(
    keptOnce(path, () => randomBytes(secretKeyBytes).toString("base64")),
    "base64",
  );
  if (key.length !== secretKeyBytes) throw new ConfigError(`${path}: must hold 32 bytes in base64`);
  return key;
}

/** The first key. `path` tells people where to read it; null where it came from the settings. */
export function loadAdminKey(config: Config): { key: string; path: string | null } {
  if (config.adminKey !== null) {
    checkAdminKey("HUALU_ADMIN_KEY", config.adminKey);
    return { key: config.adminKey, path: null };
  }
  const path = join(config.dataDir, "admin-key");
  const key = keptOnce(path, () => newKey(randomBytes));
  checkAdminKey(path, key);
  return { key, path };
}

function checkAdminKey(where: string, key: string): void {
  if (!keyPattern.test(key)) throw new ConfigError(`${where}: must be 24 to 200 visible ASCII characters, no spaces`);
}

/**
 * The content of a file for its owner only, made when it is not there. It is written aside and then linked into place,
 * so that of racing starts all read the same whole content, and a crash leaves no half of one.
 */
function keptOnce(path: string, make: () => string): string {
  const known = readIfThere(path);
  if (known !== null) return known;
  mkdirSync(join(path, ".."), { recursive: true });
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  const file = openSync(aside, "wx", 0o600);
  try {
    writeSync(file, `${make()}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    linkSync(aside, path);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw new ConfigError(`${path}: cannot be made (${codeOf(error)})`);
  } finally {
    rmSync(aside, { force: true });
  }
  return readIfThere(path) ?? "";
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (isCode(error, "ENOENT")) return null;
    throw new ConfigError(`${path}: cannot be read (${codeOf(error)})`);
  }
}

const codeOf = (error: unknown): string => String(error instanceof Error && "code" in error ? error.code : "unknown");
const isCode = (error: unknown, code: string): boolean => codeOf(error) === code;
