import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** A Unix socket's path has room for about 104 bytes. */
const socketPathMax = 100;

/**
 * Holds a folder for this process: PGlite itself locks nothing, and two of them in one folder would destroy it. The
 * lock is a listening Unix socket. Its file outlives a kill -9, so a refused connection means a dead holder.
 */
export async function holdFolder(folder: string): Promise<() => Promise<void>> {
  const path = socketPath(folder);
  if (await answers(path)) {
    throw new Error(
      `another Hualu already uses the data folder ${folder}: stop it, or set HUALU_DATA_DIR or DATABASE_URL`,
    );
  }
  rmSync(path, { force: true });
  const server = createServer((socket) => socket.end());
  await new Promise<void>((done, failed) => {
    server.once("error", failed);
    server.listen(path, done);
  });
  server.unref();
  return () => new Promise((done) => server.close(() => done()));
}

function socketPath(folder: string): string {
  const path = join(resolve(folder), "lock.sock");
  if (path.length <= socketPathMax) return path;
  return join(tmpdir(), `hualu-${createHash("sha256").update(path).digest("hex").slice(0, 16)}.sock`);
}

function answers(path: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}
