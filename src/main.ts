import { randomBytes } from "node:crypto";
import { openDatabase } from "../db/open.ts";
import { createSeal } from "../db/seal.ts";
import { systemClock } from "./clock.ts";
import { forgetProxies, readConfig } from "./config.ts";
import { createLog, errorFields } from "./log.ts";
import { loadAdminKey, loadSecretKey } from "./secrets.ts";
import { createService } from "./service.ts";
import { welcome } from "./welcome.ts";

try {
  // Whoever read our output may go away; the calls go on.
  process.stdout.on("error", () => {});
  const config = readConfig(process.env);
  forgetProxies(process.env);
  const log = createLog(config.logLevel, (line) => process.stdout.write(line));
  const admin = loadAdminKey(config);
  const seal = createSeal(loadSecretKey(config));
  const db = await openDatabase(config);
  const { host, port, publicUrl, allowNetworks, trustedProxies } = config;
  const service = createService({
    db,
    seal,
    clock: systemClock(),
    log,
    randomBytes,
    host,
    port,
    publicUrl,
    allowNetworks,
    trustedProxies,
    adminKey: admin.key,
  });
  const { url } = await service.start();
  process.stdout.write(
    welcome({ url, embedded: db.kind === "embedded", adminKey: admin.key, adminKeyPath: admin.path }),
  );
  // The driver writes once more to a socket that has just been closed under it; its statement has failed already.
  process.on("uncaughtException", (error) => {
    log.error(errorFields(error), "uncaught");
    if (!(error.stack ?? "").includes("postgres/src/connection.js")) process.exit(1);
  });
  const stop = (): void =>
    void service
      .stop()
      .then(() => db.close())
      .then(() => process.exit(0));
  process.on("SIGTERM", stop).on("SIGINT", stop);
} catch (error) {
  // The only errors that get here are about how it was started; their messages say what to do.
  process.stderr.write(`Hualu could not start · 无法启动\n${error instanceof Error ? error.message : "unknown"}\n`);
  process.exit(1);
}
