/**
 * What the retCodes mean: support.huaweicloud.com/api-ccfs-cec, cec_07_1303, 1305, 1306, 1307. 0 is success, any other
 * code failure, it says there: so a code is a definite no, but for those whose text leaves open what was done.
 */
import { ChannelError, type Effect, type ErrorCause, type ErrorKind } from "../contract.ts";

export type Operation = "createCall" | "queryCallState" | "queryCallDetailRecord" | "getRecordingAddress";

interface Meaning {
  kind?: ErrorKind;
  cause: ErrorCause;
  effect?: Effect;
}

const meanings: Record<Operation, Record<string, Meaning>> = {
  createCall: {
    // Adding the task failed.
    "1": { cause: "server" },
    "2": { cause: "parameter" },
    // "The serial number was not found": whether the task runs is not said.
    "3": { cause: "server", effect: "unknown" },
    "5": { cause: "number" },
    "6": { cause: "instance" },
    // The agent's number is not one of the tenant's.
    "8": { cause: "agent" },
    "16": { cause: "agent" },
    "21": { kind: "limited", cause: "daily-limit" },
    // The rest comes from the carrier's two-way call (ITA) behind the same interface.
    "90100100": { cause: "parameter" },
    "90100200": { kind: "unauthorized", cause: "credentials" },
    "90100300": { cause: "parameter" },
    "90100400": { cause: "not-found" },
    "90100600": { cause: "server", effect: "unknown" },
    "90102001": { cause: "balance" },
    "90102002": { kind: "limited", cause: "rate" },
    "90104001": { kind: "unauthorized", cause: "instance" },
    "90104003": { cause: "instance" },
    "90104004": { cause: "unsupported" },
    // "Processing timed out or failed."
    "90104008": { cause: "server", effect: "unknown" },
    "90104029": { kind: "limited", cause: "rate" },
    "90106003": { cause: "shown-number" },
    "90106004": { cause: "shown-number" },
    "90106010": { kind: "compliance", cause: "other" },
    "90106011": { kind: "compliance", cause: "agent" },
    "90106012": { kind: "compliance", cause: "blacklist" },
  },
  queryCallState: { "1": { cause: "not-found" }, "3": { cause: "not-found" } },
  queryCallDetailRecord: { "2": { cause: "parameter" }, "4": { cause: "parameter" }, "12": { cause: "agent" } },
  getRecordingAddress: {
    "1": { cause: "server" },
    "3": { cause: "instance" },
    "5": { cause: "not-found" },
    "6": { cause: "instance" },
    "12": { cause: "parameter" },
    "13": { cause: "unsupported" },
  },
};

/** `queryCallDetailRecord` says so of an empty list. */
export const noData = "1";

export function refusalOf(operation: Operation, code: string): ChannelError {
  const known = meanings[operation];
  const meaning = Object.hasOwn(known, code) ? known[code] : undefined;
  const { kind = "refused", cause = "other", effect = "none" } = meaning ?? {};
  return new ChannelError({ kind, cause, effect, code });
}

/** The documented statuses are a definite no; of all others nobody knows what was done. A 500 is "business failed". */
export function statusError(status: number): ChannelError {
  const code = `http-${status}`;
  switch (status) {
    case 400:
      return new ChannelError({ kind: "refused", effect: "none", cause: "parameter", code });
    case 401:
      return new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code });
    case 404:
      return new ChannelError({ kind: "refused", effect: "none", cause: "unsupported", code });
    case 429:
      return new ChannelError({ kind: "limited", effect: "unknown", cause: "rate", code });
    default:
      return garbled(code);
  }
}

export function garbled(code: string): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
}
