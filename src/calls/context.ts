import type { Settings } from "../auth/settings.ts";
import type { Context } from "../context.ts";
import type { CallStatus } from "../domain/record.ts";
import type { Health } from "../health/health.ts";
import type { Directory, Line } from "../lines/directory.ts";
import type { Begun, Intent } from "./begin.ts";
import type { RetryBudget } from "./budget.ts";
import type { Of, Outcome, Settled } from "./outcome.ts";

/** A record that has just changed; told after the commit, so that whoever waits for it looks again. */
export interface RecordChange {
  tenant: string;
  callId: string;
  version: number;
  status: CallStatus;
  channel: string | null;
  /** True where it was this very change that ended the call. */
  ended: boolean;
  doubled: boolean;
}

/** What the verbs on calls are handed beside the common context. */
export interface CallContext extends Context {
  directory: Directory;
  /** A tenant's settings; a change made by another instance is seen within seconds. */
  settingsOf(tenant: string): Promise<Settings>;
  /** The same as they were last read, for code inside a transaction. */
  lastSettingsOf(tenant: string): Settings;
  health: Health;
  /** How many calls each of a tenant's lines has, as of a second ago at most. */
  usageOf(tenant: string): Promise<ReadonlyMap<number, number>>;
  /** Where an account's pushes reach us. */
  notifyUrl(line: Line): string;
  told(changes: readonly RecordChange[]): void;
  /** Writes a new call; see `createBegin`. */
  begin(intent: Intent): Promise<Begun>;
  /** Writes how an attempt came out; see `createSettle`. */
  settle(of: Of, outcome: Outcome): Promise<Settled>;
  /** Further attempts are a share of first ones. */
  retries: RetryBudget;
  /** Something has been put into the inbox past `accept`. */
  wakeDrain(): void;
  /** Placements, and questions to providers, under way: a stop awaits them, it never aborts one. */
  underway: Set<Promise<unknown>>;
}

/** A placement is given up (outcome unknown) after this long. */
export const placeTimeoutMs = 10_000;
/** A request that could not leave by this long after it was written as sent never leaves. */
export const leaveWithinMs = 4_000;
/**
 * A `sent` attempt without an outcome is an orphan of a crash after this long: no request can be under way by then, or
 * the provider would be asked about a call that is only being placed, and deny it.
 */
export const orphanAfterMs = leaveWithinMs + placeTimeoutMs + 1_000;
