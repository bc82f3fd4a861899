/** How calls end: EndStatus and EndStatusString, cloud.tencent.com/document/product/679/123938. */
import type { CloseType, HangupCause } from "../contract.ts";

export type Ending = readonly [CloseType, HangupCause];

/** Whose leg failed decides the close type of what can happen to either. */
type Meaning = Ending | { unreachable: HangupCause } | { busy: HangupCause };

const away = { unreachable: "NO_ANSWER" } as const;
const unexplained = { unreachable: "NETWORK_ERROR" } as const;
/** A rule of the platform's or the carrier's stood in the way. */
const blocked = [6, "NETWORK_ERROR"] as const;
const carrier = [7, "NETWORK_ERROR"] as const;
const normal = [0, "NORMAL_CLEARING"] as const;

const meanings: Record<string, Meaning> = {
  ok: normal,
  seatGiveUp: [1, "NO_ANSWER"],
  blackList: blocked,
  restrictedCallee: blocked,
  tooManyRequest: blocked,
  restrictedArea: blocked,
  restrictedTime: blocked,
  notAnswer: away,
  userReject: { busy: "CALL_REJECTED" },
  powerOff: away,
  numberNotExist: { unreachable: "UNALLOCATED_NUMBER" },
  busy: { busy: "USER_BUSY" },
  outOfCredit: away,
  operatorError: carrier,
  callerCancel: normal,
  notInService: away,
  clientError: blocked,
  carrierBlocked: carrier,
  callReminder: away,
  numberInvalid: { unreachable: "INVALID_NUMBER" },
  callRestricted: unexplained,
  calleeRestricted: unexplained,
  areaRestricted: unexplained,
  promptCallForwarding: away,
  callerCancelWhileRing: normal,
  callerCancelWithoutRing: unexplained,
  voiceMailReached: away,
  callTerminatedByAPI: normal,
};

/** Pushes give the word alone. Those of calls that came in (102 to 107, 501 to 503) end no callback. */
const words: Record<number, string> = {
  1: "ok",
  17: "seatGiveUp",
  100: "blackList",
  108: "restrictedCallee",
  109: "tooManyRequest",
  110: "restrictedArea",
  111: "restrictedTime",
  202: "notAnswer",
  203: "userReject",
  204: "powerOff",
  205: "numberNotExist",
  206: "busy",
  207: "outOfCredit",
  208: "operatorError",
  209: "callerCancel",
  210: "notInService",
  211: "clientError",
  212: "carrierBlocked",
  213: "callReminder",
  215: "numberInvalid",
  216: "callRestricted",
  217: "calleeRestricted",
  218: "areaRestricted",
  219: "promptCallForwarding",
  220: "callerCancelWhileRing",
  221: "callerCancelWithoutRing",
  222: "voiceMailReached",
  231: "callTerminatedByAPI",
};

/** The provider's word for an end; of a number that nobody knows the number. */
export function endWord(status: number | null | undefined, word: string | null | undefined): string {
  if (word) return /^[A-Za-z]{1,48}$/.test(word) ? word : "other";
  if (!status) return "none";
  return words[status] ?? (/^\d{1,4}$/.test(String(status)) ? String(status) : "other");
}

/** null for a word that nobody knows. */
export function endingOf(word: string, leg: "a" | "b"): Ending | null {
  const meaning = Object.hasOwn(meanings, word) ? meanings[word] : undefined;
  if (meaning === undefined) return null;
  if ("unreachable" in meaning) return [leg === "a" ? 1 : 2, meaning.unreachable];
  if ("busy" in meaning) return [leg === "a" ? 3 : 4, meaning.busy];
  return meaning;
}
