import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../src/config.ts";
import { loadAdminKey, loadSecretKey } from "../../src/secrets.ts";
import { openTestDatabase, type TestDatabase } from "../database.ts";

const timeoutMs = 180_000;
const root = join(import.meta.dir, "../..");
let folder = "";
let database: TestDatabase;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hualu-command-"));
  database = await openTestDatabase();
}, timeoutMs);
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
}, timeoutMs);

/** A process of its own, on the test's server or else on an embedded database in the test's folder. */
async function hualu(args: string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([process.execPath, "src/command/main.ts", ...args], {
    cwd: root,
    env: { HUALU_DATA_DIR: folder, DATABASE_URL: database.url ?? "", ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, fault, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, fault, code };
}

describe("bun run hualu", () => {
  test(
    "makes tenants and keys, lists and revokes them",
    async () => {
      const made = await hualu(["tenant", "make", "acme", "Acme 公司"]);
      expect([made.code, made.fault]).toEqual([0, ""]);
      const key = /hk_[a-z0-9]{40}/.exec(made.out)?.[0] ?? "";
      expect(key).not.toBe("");
      expect((await hualu(["tenant", "list"])).out).toContain("acme\tAcme 公司\t");
      expect(await hualu(["tenant", "make", "acme"])).toMatchObject({ code: 1, out: "" });

      const second = await hualu(["key", "make", "--tenant", "acme", "--name", "crm", "--scopes", "call,read"]);
      const id = /key_[a-z0-9]{16}/.exec(second.out)?.[0] ?? "";
      expect((await hualu(["key", "revoke", "--tenant", "acme", id])).code).toBe(0);
      const { out } = await hualu(["key", "list", "--tenant", "acme"]);
      expect(out).toContain(`${key.slice(0, 7)}…\tfirst\tcall,read,manage,ops`);
      expect(out).toMatch(/crm\tcall,read\t\S+\trevoked /);
      expect(out).not.toContain(key);

      expect((await hualu(["key", "revoke", "--tenant", "acme", "key_none"])).fault).toContain("no such key");
      expect((await hualu(["key", "make", "--tenant", "nobody", "--name", "x"])).fault).toContain("no such tenant");
      const wrongKey = { HUALU_SECRET_KEY: Buffer.alloc(32).toString("base64") };
      expect((await hualu(["tenant", "list"], wrongKey)).fault).toContain("HUALU_SECRET_KEY");
    },
    timeoutMs,
  );

  test("explains itself, and ends with 2 where it was not understood", async () => {
    expect(await hualu(["help"])).toMatchObject({ code: 0, fault: "" });
    for (const args of [["frob"], ["tenant"], ["key", "make"], ["key", "list", "--tenant"], ["tenant", "make"]])
      expect(await hualu(args)).toMatchObject({ code: 2, out: "", fault: expect.stringContaining("usage") });
    const scopes = ["key", "make", "--tenant", "acme", "--name", "x", "--scopes", "call,root"];
    expect((await hualu(scopes)).code).toBe(2);
    expect((await hualu(["tenant", "list"], { PORT: "x" })).fault).toContain("PORT");
  });
});

describe("keys in the data folder", () => {
  const inFolder = (name: string, more: Record<string, string> = {}) =>
    readConfig({ HUALU_DATA_DIR: join(folder, name), ...more });

  test("are made once, for their owner only", () => {
    const config = inFolder("made");
    const secret = loadSecretKey(config);
    expect(secret).toHaveLength(32);
    expect(loadSecretKey(config)).toEqual(secret);
    const { key, path } = loadAdminKey(config);
    expect(loadAdminKey(config)).toEqual({ key, path });
    expect(readFileSync(path ?? "", "utf8").trim()).toBe(key);
    for (const name of ["secret-key", "admin-key"])
      expect(statSync(join(config.dataDir, name)).mode & 0o777).toBe(0o600);
  });

  test("are one and the same for starts that race", async () => {
    const script = `
      const { readConfig } = await import("${root}/src/config.ts");
      const { loadAdminKey, loadSecretKey } = await import("${root}/src/secrets.ts");
      const config = readConfig(process.env);
      process.stdout.write(Buffer.from(loadSecretKey(config)).toString("hex") + loadAdminKey(config).key);`;
    const starts = Array.from({ length: 6 }, () => {
      const child = Bun.spawn([process.execPath, "-e", script], {
        env: { HUALU_DATA_DIR: join(folder, "racing") },
        stdout: "pipe",
      });
      return new Response(child.stdout).text();
    });
    const keys = await Promise.all(starts);
    expect(keys[0]).toMatch(/^[0-9a-f]{64}hk_[a-z0-9]{40}$/);
    expect(new Set(keys).size).toBe(1);
  });

  test("give way to the settings, and are refused where they are none", () => {
    const secret = Buffer.alloc(32, 7);
    const config = inFolder("set", {
      HUALU_SECRET_KEY: secret.toString("base64"),
      HUALU_ADMIN_KEY: "a-key-of-at-least-24-characters",
    });
    expect(Buffer.from(loadSecretKey(config))).toEqual(secret);
    expect(loadAdminKey(config)).toEqual({ key: "a-key-of-at-least-24-characters", path: null });
    const spaced = inFolder("set", { HUALU_ADMIN_KEY: "a key with spaces that no header carries" });
    expect(() => loadAdminKey(spaced)).toThrow("HUALU_ADMIN_KEY");
    const cut = inFolder("made");
    writeFileSync(join(cut.dataDir, "secret-key"), "too short");
    expect(() => loadSecretKey(cut)).toThrow("32 bytes");
  });
});
