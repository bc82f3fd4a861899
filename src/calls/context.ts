import type { Context } from "../context.ts";
import type { CallStatus } from "../domain/record.ts";
import type { Directory, Line } from "../lines/directory.ts";

/** A record that has just changed; told after the commit, so that whoever waits for it looks again. */
export interface RecordChange {
  tenant: string;
  callId: string;
  version: number;
  status: CallStatus;
  closed: boolean;
  doubled: boolean;
}

/** What the verbs on calls are handed beside the common context. */
export interface CallContext extends Context {
  directory: Directory;
  /** Where an account's pushes reach us. */
  notifyUrl(line: Line): string;
  told(changes: readonly RecordChange[]): void;
  /** Something has been put into the inbox past `accept`. */
  wakeDrain(): void;
  /** Placements under way: a stop awaits them, it never aborts one. */
  underway: Set<Promise<unknown>>;
}

/** A placement is given up (outcome unknown) after this long. */
export const placeTimeoutMs = 10_000;
/** A `sent` attempt without an outcome is an orphan of a crash after this long. */
export const orphanAfterMs = placeTimeoutMs + 5_000;
