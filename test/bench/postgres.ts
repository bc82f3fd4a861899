/** The PostgreSQL that a bench runs on, and the tools that came with it. */

import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { freePort } from "../server/process.ts";
import { note } from "./figures.ts";

export interface BenchServer {
  /** A fresh, empty database. */
  database(): Promise<string>;
  stop(): Promise<void>;
}

/** BENCH_DATABASE_URL, else TEST_DATABASE_URL, else a throw-away server from installed binaries; null without these. */
export async function benchServer(): Promise<BenchServer | null> {
  const given = process.env.BENCH_DATABASE_URL ?? process.env.TEST_DATABASE_URL;
  const own = given === undefined ? await startOwn() : null;
  const url = given ?? own?.url;
  if (url === undefined) return null;
  const made: string[] = [];
  const ask = async (statement: string): Promise<void> => {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    await sql.unsafe(statement).finally(() => sql.end());
  };
  return {
    async database() {
      const name = `hualu_bench_${randomBytes(6).toString("hex")}`;
      await ask(`create database ${name}`);
      made.push(name);
      const place = new URL(url);
      place.pathname = `/${name}`;
      return place.href;
    },
    async stop() {
      for (const name of made) await ask(`drop database if exists ${name} with (force)`);
      await own?.stop();
    },
  };
}

async function startOwn(): Promise<{ url: string; stop(): Promise<void> } | null> {
  const initdb = tool("initdb");
  const postmaster = tool("postgres");
  if (initdb === null || postmaster === null) return null;
  const folder = mkdtempSync(join(tmpdir(), "hualu-bench-"));
  const asOwner = process.getuid?.() === 0 ? ["runuser", "-u", "postgres", "--"] : [];
  if (asOwner.length > 0) await Bun.spawn(["chown", "postgres", folder]).exited;
  const quiet = { stdout: "ignore", stderr: "ignore" } as const;
  await Bun.spawn([...asOwner, initdb, "-D", `${folder}/data`, "-A", "trust", "-U", "bench"], quiet).exited;
  const port = freePort();
  const settings = ["-c", "fsync=on", "-c", `unix_socket_directories=${folder}`, "-c", "max_connections=200"];
  const server = Bun.spawn(
    [...asOwner, postmaster, "-D", `${folder}/data`, "-h", "127.0.0.1", "-p", String(port), ...settings],
    quiet,
  );
  const url = `postgres://bench@127.0.0.1:${port}/postgres`;
  for (let tries = 0; tries < 100; tries++) {
    const sql = postgres(url, { max: 1, connect_timeout: 1, onnotice: () => {} });
    const up = await sql`select 1`.then(
      () => true,
      () => false,
    );
    await sql.end({ timeout: 1 });
    if (up) break;
    await Bun.sleep(100);
  }
  note(`a throw-away PostgreSQL on port ${port}`);
  return {
    url,
    async stop() {
      server.kill("SIGINT");
      await server.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A program of PostgreSQL's, from the PATH or where Debian puts it. */
export function tool(name: string): string | null {
  const found = Bun.which(name);
  // Debian's wrapper for clients is of no use for a server's own programs.
  if (found !== null && !["initdb", "postgres"].includes(name)) return found;
  const base = "/usr/lib/postgresql";
  if (!existsSync(base)) return found;
  const versions = readdirSync(base).sort((one, other) => Number(other) - Number(one));
  for (const version of versions) {
    const path = join(base, version, "bin", name);
    if (existsSync(path)) return path;
  }
  return found;
}

/** Transactions a second of a C client: 64 connections, prepared statements. */
export async function pgbench(url: string, script: string, seconds: number): Promise<number | null> {
  const program = tool("pgbench");
  if (program === null) return null;
  const folder = mkdtempSync(join(tmpdir(), "hualu-pgbench-"));
  const file = join(folder, "script.sql");
  await Bun.write(file, script);
  const { hostname, port, username, pathname, password } = new URL(url);
  const place = ["-h", hostname, "-p", port || "5432", "-U", username || "postgres"];
  const run = Bun.spawn(
    [
      program,
      ...place,
      "-n",
      "-M",
      "prepared",
      "-c",
      "64",
      "-j",
      "2",
      "-T",
      String(seconds),
      "-f",
      file,
      pathname.slice(1),
    ],
    {
      env: { ...process.env, PGPASSWORD: password },
      stdout: "pipe",
      stderr: "ignore",
    },
  );
  const output = await new Response(run.stdout).text();
  rmSync(folder, { recursive: true });
  const tps = /tps = ([\d.]+)/.exec(output)?.[1];
  return tps === undefined ? null : Number(tps);
}
