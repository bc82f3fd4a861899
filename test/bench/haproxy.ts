/** HAProxy as it is set up against such failures: strict checks, answers watched, failed connections moved on. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../server/process.ts";

const config = (port: number, backends: readonly number[]): string => `
global
  maxconn 4000
defaults
  mode http
  timeout connect 500ms
  timeout client 15s
  timeout server 1s
  retries 2
  option redispatch
frontend calls
  bind 127.0.0.1:${port}
  default_backend providers
backend providers
  balance roundrobin
  option httpchk GET /health
  default-server check inter 1s fall 3 rise 2 observe layer7 error-limit 10 on-error mark-down
${backends.map((one, index) => `  server s${index} 127.0.0.1:${one}`).join("\n")}
`;

/** Null where it is not installed. */
export async function startHaproxy(
  backends: readonly number[],
): Promise<{ port: number; stop(): Promise<void> } | null> {
  const program = Bun.which("haproxy") ?? Bun.which("haproxy", { PATH: "/usr/sbin:/usr/local/sbin" });
  if (program === null) return null;
  const folder = mkdtempSync(join(tmpdir(), "hualu-haproxy-"));
  const file = join(folder, "haproxy.cfg");
  const port = freePort();
  await Bun.write(file, config(port, backends));
  const child = Bun.spawn([program, "-db", "-f", file], { stdout: "ignore", stderr: "ignore" });
  for (let tries = 0; tries < 50; tries++) {
    const up = await fetch(`http://127.0.0.1:${port}/health`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) break;
    await Bun.sleep(100);
  }
  return {
    port,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
