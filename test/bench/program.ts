/** A program of this folder in a process of its own. */
import { fileURLToPath } from "node:url";
import { freePort } from "../server/process.ts";

export interface Program {
  port: number;
  stop(): Promise<void>;
}

/** Resolves when it has said that it is ready. Its port comes first among its arguments. */
export async function startProgram(name: string, ...args: string[]): Promise<Program> {
  const port = freePort();
  const path = fileURLToPath(new URL(name, import.meta.url));
  const child = Bun.spawn([process.execPath, path, String(port), ...args], { stdout: "pipe", stderr: "inherit" });
  await child.stdout.getReader().read();
  return {
    port,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
