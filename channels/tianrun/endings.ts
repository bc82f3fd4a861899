/** How a call ended. Pure. */
import type { CloseType, HangupCause } from "../contract.ts";

export type Ending = readonly [CloseType, HangupCause];

/** Both parties were joined: of a click, a call by the platform, a predictive, a direct and an internal call. */
const bridged = new Set(["24", "28", "33", "43", "52", "63"]);
/** The leg that the call came to. */
const failedLeg: Readonly<Record<string, "a" | "b">> = { "23": "a", "30": "a", "31": "b", "32": "b", "21": "b" };
const forced = "1002";

/** SIP statuses of the leg that was not answered; whatever else there is reads as nobody answering. */
const sip: Readonly<Record<string, HangupCause>> = {
  "404": "UNALLOCATED_NUMBER",
  "410": "UNALLOCATED_NUMBER",
  "484": "INVALID_NUMBER",
  "486": "USER_BUSY",
  "500": "NETWORK_ERROR",
  "502": "NETWORK_ERROR",
  "503": "NETWORK_ERROR",
  "504": "NETWORK_ERROR",
  "600": "USER_BUSY",
  "603": "CALL_REJECTED",
  "604": "UNALLOCATED_NUMBER",
};

export interface Told {
  status: string;
  sipCause: string | null;
  endReason: string | null;
  /** A time of B's answer is there. */
  talked: boolean;
}

/** Null where the status is unknown. `sure` is false where "busy" and "no answer" could not be told apart. */
export function endingOf({ status, sipCause, endReason, talked }: Told): { ending: Ending; sure: boolean } | null {
  if (talked || bridged.has(status)) return { ending: [0, "NORMAL_CLEARING"], sure: true };
  const leg = Object.hasOwn(failedLeg, status) ? failedLeg[status] : undefined;
  if (leg === undefined) return null;
  if (endReason === forced) return { ending: [0, "NORMAL_CLEARING"], sure: true };
  const cause = (sipCause !== null && Object.hasOwn(sip, sipCause) ? sip[sipCause] : undefined) ?? "NO_ANSWER";
  const isPersons = cause === "USER_BUSY" || cause === "CALL_REJECTED";
  const closeType = leg === "a" ? (isPersons ? 3 : 1) : isPersons ? 4 : 2;
  return { ending: [closeType, cause], sure: sipCause !== null };
}

/** Who answered, by the status alone: where B was called, A had. */
export function answeredBy(status: string): { a: boolean; b: boolean } {
  const both = bridged.has(status);
  return { a: both || failedLeg[status] === "b", b: both };
}
