import type { ChannelError, Placement } from "../../channels/contract.ts";
import type { Settings } from "../auth/settings.ts";
import type { Fact } from "../domain/fact.ts";
import type { Projection } from "../domain/record.ts";
import type { Line } from "../lines/directory.ts";
import type { AttemptRef } from "./attempt.ts";

/** How an attempt came out: the provider's yes, its no, nobody knows, or a proof that there is no such call. */
export type Outcome =
  | { is: "placed"; placement: Placement }
  | { is: "refused"; error: ChannelError }
  | { is: "unknown"; error: ChannelError }
  | { is: "absent" }
  /** The line turned sick before the request left, or it was too late for it: nothing was sent. */
  | { is: "withdrawn" }
  /** The provider took the call and then reported that it dialed nobody: `end` is its report. */
  | { is: "never-dialed"; end: Fact }
  /** There is no attempt yet: the call waits for a line that has room. */
  | { is: "queued" };

/** Whose outcome it is. */
export interface Of extends AttemptRef {
  tenant: string;
  /** The attempt's; null for a call that waits for one. */
  line: Line | null;
}

/** An attempt that is written as sent: its request must leave at that time, or not at all. */
export interface NextAttempt {
  line: Line;
  number: number;
  /** As its record says. */
  sent: Date;
  /** Lines that may take the call where this one has turned sick by the time its request would leave. */
  others?: readonly Line[];
}

export interface Settled {
  next: NextAttempt | null;
  hangupAsked: boolean;
  /** The record as it is now; null where there is no such call. */
  state: CallStateNow | null;
}

/** As much of a record as the answer to a dial depends on. */
export type CallStateNow = Pick<Projection, "status" | "state" | "providerCallId" | "hangupCause">;

export interface Settling extends Of {
  outcome: Outcome;
  /** The tenant's lines and settings: nothing but the database is asked inside the transaction. */
  lines: readonly Line[];
  settings: Settings;
}
