import type { Database } from "../db/client.ts";
import type { Seal } from "../db/seal.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** What every verb is handed: nothing of it is reached for globally. */
export interface Context {
  db: Database;
  seal: Seal;
  clock: Clock;
  log: Log;
  randomBytes(size: number): Uint8Array;
}
