import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { holdFolder } from "../../db/lock.ts";

test("a folder is held by one process at a time, and free again after a release or a kill -9", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hualu-lock-"));
  const release = await holdFolder(folder);
  await expect(holdFolder(folder)).rejects.toThrow("HUALU_DATA_DIR");
  await release();
  // A holder that is killed leaves its socket file behind.
  const script = `const { holdFolder } = await import(${JSON.stringify(new URL("../../db/lock.ts", import.meta.url).href)});
    await holdFolder(process.argv[1]); console.log("held"); setInterval(() => {}, 1000);`;
  const other = Bun.spawn([process.execPath, "-e", script, folder], { stdout: "pipe" });
  await other.stdout.getReader().read();
  await expect(holdFolder(folder)).rejects.toThrow("another Hualu");
  other.kill("SIGKILL");
  await other.exited;
  await (await holdFolder(folder))();
  rmSync(folder, { recursive: true });
});

test("a path that is too long for a socket is held elsewhere, under a name of its own", async () => {
  const folder = join(mkdtempSync(join(tmpdir(), "hualu-lock-")), "x".repeat(120));
  const release = await holdFolder(folder);
  await expect(holdFolder(folder)).rejects.toThrow("another Hualu");
  await release();
});
