import { randomBytes } from "node:crypto";
import { createSeal } from "../../db/seal.ts";
import { provesKey } from "../auth/tenants.ts";
import { systemClock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Context } from "../context.ts";
import { createLog } from "../log.ts";
import { loadSecretKey } from "../secrets.ts";

/** The service's context without the service: its database and its secret key, proved before anything is sealed. */
export async function openContext(config: Config): Promise<{ ctx: Context; close(): Promise<void> }> {
  const secretKey = loadSecretKey(config);
  const db =
    config.databaseUrl === null
      ? await (await import("../../db/embedded.ts")).openEmbedded(config.dataDir)
      : await (await import("../../db/server.ts")).openServer(config.databaseUrl, { connectionsMax: 2 });
  const ctx: Context = {
    db,
    seal: createSeal(secretKey),
    clock: systemClock(),
    log: createLog("silent", () => {}),
    randomBytes,
  };
  try {
    await provesKey(ctx);
  } catch (error) {
    await db.close();
    throw error;
  }
  return { ctx, close: () => db.close() };
}
