/** The same server, the same route, the same check of the signature; only the database is left out. */
import { fileURLToPath } from "node:url";
import { freePort } from "../server/process.ts";
import { lineSecret } from "./service.ts";

const program = fileURLToPath(new URL("./bare-server.ts", import.meta.url));

export async function startBareServer(_url: string, webhook: string): Promise<{ port: number; stop(): Promise<void> }> {
  const port = freePort();
  const child = Bun.spawn([process.execPath, program, String(port), webhook, lineSecret], {
    stdout: "pipe",
    stderr: "inherit",
  });
  await child.stdout.getReader().read();
  return {
    port,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
