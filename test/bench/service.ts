/** A service in a process of its own, with a fake line whose pushes a bench signs itself. */
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, type Running, startProcess } from "../server/process.ts";
import { request } from "./load.ts";

export const key = `hk_${randomBytes(20).toString("hex")}`;
export const secretKey = randomBytes(32);
export const lineSecret = randomBytes(16).toString("hex");
export const auth = { authorization: `Bearer ${key}`, "content-type": "application/json" };

export interface BenchService {
  running: Running;
  port: number;
  /** The path of the line's webhook. */
  webhook: string;
  lineId: number;
  /** What it was started with. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

export async function startBenchService(
  databaseUrl: string,
  farUrl = "http://127.0.0.1:9",
  more: Record<string, string> = {},
): Promise<BenchService> {
  const folder = mkdtempSync(join(tmpdir(), "hualu-bench-data-"));
  const port = freePort();
  const env = {
    PORT: String(port),
    HOST: "127.0.0.1",
    DATABASE_URL: databaseUrl,
    HUALU_DATA_DIR: folder,
    HUALU_ADMIN_KEY: key,
    HUALU_ALLOW_NETWORKS: "127.0.0.1",
    HUALU_SECRET_KEY: secretKey.toString("base64"),
    LOG_LEVEL: "warn",
    ...more,
  };
  const running = await startProcess(env);
  const url = `http://127.0.0.1:${port}/api/v1/calls/lines`;
  const providerConfig = { baseUrl: farUrl, accountId: "bench", secret: lineSecret, speed: 1000 };
  const made = await fetch(url, {
    method: "POST",
    headers: auth,
    body: JSON.stringify({ name: "bench", providerType: "fake", providerConfig }),
  });
  const { id } = (await made.json()) as { id: number };
  const shown = (await (await fetch(`${url}/${id}`, { headers: auth })).json()) as { webhookUrl: string };
  return {
    running,
    port,
    webhook: new URL(shown.webhookUrl).pathname,
    lineId: id,
    env,
    async stop() {
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A push as it goes over the wire, about 1 KiB. */
export function pushRequest(path: string, message: Record<string, unknown>): Uint8Array {
  const bare = JSON.stringify(message);
  const body = JSON.stringify({ ...message, padding: "p".repeat(Math.max(0, 1024 - bare.length - 14)) });
  const time = String(Date.now());
  const nonce = randomBytes(8).toString("hex");
  const signature = createHmac("sha256", lineSecret).update(`${time}\n${nonce}\nPOST\n\n${body}`).digest("hex");
  const headers = {
    "content-type": "application/json",
    "x-fake-time": time,
    "x-fake-nonce": nonce,
    "x-fake-signature": signature,
  };
  return request("POST", path, headers, body);
}
