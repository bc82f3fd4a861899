/** The service as a process of its own, to be killed. */
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const bun = process.execPath;

export interface Running {
  url: string;
  pid: number;
  /** SIGKILL: nothing of it runs on. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; the exit code. */
  stop(): Promise<number>;
  output(): string;
}

/** Resolves when it is ready; its environment is nothing but what is given. */
export async function startProcess(env: Record<string, string>): Promise<Running> {
  const child = Bun.spawn([bun, main], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  let output = "";
  const url = await new Promise<string>((ready, failed) => {
    const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) {
        output += decoder.decode(chunk, { stream: true });
        const found = /Hualu {2}(http:\/\/\S+)/.exec(output);
        if (found?.[1] !== undefined) ready(found[1]);
      }
    };
    void Promise.all([read(child.stdout), read(child.stderr)]).then(() => failed(new Error(`it ended:\n${output}`)));
  });
  return {
    url,
    pid: child.pid,
    async kill() {
      child.kill("SIGKILL");
      await child.exited;
    },
    async stop() {
      child.kill("SIGTERM");
      return child.exited;
    },
    output: () => output,
  };
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const server = Bun.serve({ port: 0, fetch: () => new Response() });
  const { port } = server;
  void server.stop(true);
  return port ?? 0;
}
