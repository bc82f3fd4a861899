/** How a call ended, by the provider's three lists of codes. Pure. */
import type { CloseType, HangupCause } from "../contract.ts";
import type { FeeRecord } from "./wire.ts";

export type Ending = readonly [CloseType, HangupCause];

const normal: Ending = [0, "NORMAL_CLEARING"];
const server: Ending = [6, "NETWORK_ERROR"];

/** `stateCode` of a disconnect (rtc_05_0022_1). It does not always tell which leg it is about; the fee record does. */
export const endings: Readonly<Record<string, Ending>> = {
  "0": normal,
  // How often an account, an application, a number may call; a callee on the black list; frozen, or without a port.
  "7001": server,
  "7002": server,
  "7003": server,
  "7004": server,
  "7108": server,
  "7109": server,
  "8000": server,
  "8001": [255, "NETWORK_ERROR"],
  "8002": [2, "NETWORK_ERROR"],
  // A's own silence is 8107.
  "8003": [2, "NO_ANSWER"],
  "8004": [4, "CALL_REJECTED"],
  "8005": server,
  "8006": server,
  "8007": server,
  "8008": server,
  // A gave up before B answered.
  "8009": normal,
  "8010": [5, "NORMAL_CLEARING"],
  "8012": server,
  "8015": server,
  "8017": normal,
  "8018": server,
  "8020": server,
  "8100": [2, "UNALLOCATED_NUMBER"],
  "8101": [2, "NO_ANSWER"],
  "8102": [4, "USER_BUSY"],
  "8103": [2, "NO_ANSWER"],
  "8104": [2, "NO_ANSWER"],
  "8105": [2, "NO_ANSWER"],
  "8106": [1, "UNALLOCATED_NUMBER"],
  "8107": [1, "NO_ANSWER"],
  "8108": [3, "USER_BUSY"],
  "8109": [1, "NO_ANSWER"],
  "8110": [1, "NO_ANSWER"],
  "8111": [1, "NO_ANSWER"],
};

/** Q.850 of the leg that was not answered; 0 and 16 say nothing about why. */
const q850: Readonly<Record<string, HangupCause>> = {
  "1": "UNALLOCATED_NUMBER",
  "17": "USER_BUSY",
  "18": "NO_ANSWER",
  "19": "NO_ANSWER",
  "20": "NO_ANSWER",
  "21": "CALL_REJECTED",
  "22": "UNALLOCATED_NUMBER",
  "27": "NETWORK_ERROR",
  "28": "INVALID_NUMBER",
  "34": "NETWORK_ERROR",
  "38": "NETWORK_ERROR",
  "41": "NETWORK_ERROR",
  "42": "NETWORK_ERROR",
  "44": "NETWORK_ERROR",
};

/** `ulFailReason`, where the call was taken down; also a SIP status, which the same field may hold. */
const failures: Readonly<Record<string, HangupCause | "given-up" | "server">> = {
  "404": "UNALLOCATED_NUMBER",
  "408": "NO_ANSWER",
  "410": "UNALLOCATED_NUMBER",
  "480": "NO_ANSWER",
  "484": "INVALID_NUMBER",
  "486": "USER_BUSY",
  "512": "NO_ANSWER",
  "513": "NO_ANSWER",
  "514": "NO_ANSWER",
  "515": "given-up",
  "516": "given-up",
  "517": "server",
  "519": "server",
  "520": "server",
  "521": "NETWORK_ERROR",
  "522": "server",
  "552": "given-up",
  "553": "given-up",
  "600": "USER_BUSY",
  "603": "CALL_REJECTED",
  "604": "UNALLOCATED_NUMBER",
};

export interface FeeEnding {
  /** null where no code of the record is known. */
  known: Ending | null;
  raw: string;
  /** The leg that the call came to. */
  leg: "a" | "b";
}

type Fee = Pick<
  FeeRecord,
  "callOutAnswerTime" | "callOutUnaswRsn" | "fwdAnswerTime" | "fwdUnaswRsn" | "callEndTime" | "ulFailReason"
>;

export function endingOfFee(
  fee: Fee,
  read: (text: string | null | undefined) => Date | null,
  maxMinutes: number,
): FeeEnding {
  const talkedFrom = read(fee.fwdAnswerTime);
  const end = read(fee.callEndTime);
  if (talkedFrom !== null) {
    const talkedMs = end === null ? 0 : end.getTime() - talkedFrom.getTime();
    // No field of the record says that the limit ended it; both times are of whole seconds.
    const isLimit = maxMinutes > 0 && talkedMs >= maxMinutes * 60_000 - 1_000;
    return { known: isLimit ? [5, "NORMAL_CLEARING"] : normal, raw: isLimit ? "limit" : "answered", leg: "b" };
  }
  const leg = read(fee.callOutAnswerTime) === null ? "a" : "b";
  const reason = code(leg === "a" ? fee.callOutUnaswRsn : fee.fwdUnaswRsn);
  const cause = Object.hasOwn(q850, reason) ? q850[reason] : undefined;
  if (cause !== undefined) return { known: failed(leg, cause), raw: `q850-${reason}`, leg };
  const failure = code(fee.ulFailReason);
  const told = Object.hasOwn(failures, failure) ? failures[failure] : undefined;
  const raw = `fail-${failure}`;
  if (told === undefined) return { known: null, raw, leg };
  if (told === "given-up") return { known: normal, raw, leg };
  return { known: told === "server" ? server : failed(leg, told), raw, leg };
}

function failed(leg: "a" | "b", cause: HangupCause): Ending {
  const isPersons = cause === "USER_BUSY" || cause === "CALL_REJECTED";
  if (leg === "a") return [isPersons ? 3 : 1, cause];
  return [isPersons ? 4 : 2, cause];
}

function code(text: string | null | undefined): string {
  return /^\d{1,4}$/.test(text ?? "") ? String(Number(text)) : "other";
}
