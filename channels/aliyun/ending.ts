/** How a call or a leg ended: SIP's answer where one is told, else the call center's own word. Pure. */
import type { CallEvent, CloseType, HangupCause, Leg } from "../contract.ts";

const sipCauses: Record<string, HangupCause> = {
  "200": "NORMAL_CLEARING",
  "404": "UNALLOCATED_NUMBER",
  "410": "UNALLOCATED_NUMBER",
  "604": "UNALLOCATED_NUMBER",
  "484": "INVALID_NUMBER",
  "408": "NO_ANSWER",
  "480": "NO_ANSWER",
  "487": "NO_ANSWER",
  "486": "USER_BUSY",
  "600": "USER_BUSY",
  "603": "CALL_REJECTED",
};
/** Of GetCallDetailRecord, and the older names of the page on events; those of IVR and queues are not of our calls. */
const dispositions: Record<string, HangupCause> = {
  Success: "NORMAL_CLEARING",
  NoAnswer: "NO_ANSWER",
  AbandonedInRing: "NO_ANSWER",
  AbandonedRing: "NO_ANSWER",
  Reject: "CALL_REJECTED",
};

/** The number that a reason begins with: `200 - OK`, `486:USER_BUSY`. */
export function sipOf(reason: string | null | undefined): string | null {
  return /^\s*([1-6]\d\d)(?!\d)/.exec(reason ?? "")?.[1] ?? null;
}

export interface End {
  cause: HangupCause;
  raw: string;
  /** Nobody knows the word. */
  unknown: boolean;
}

/** A SIP number that tells why counts for more than the disposition, a mere 200 for less. */
export function endOf(reason: string | null | undefined, disposition: string | null | undefined): End {
  const sip = sipOf(reason);
  const own = disposition ?? "";
  const known = Object.hasOwn(dispositions, own) ? dispositions[own] : undefined;
  if (sip !== null && (sip !== "200" || own === "")) {
    return { cause: sipCauses[sip] ?? "NETWORK_ERROR", raw: sip, unknown: false };
  }
  if (known !== undefined) return { cause: known, raw: own, unknown: false };
  return { cause: "NETWORK_ERROR", raw: wordOf(own || (reason ?? "")), unknown: true };
}

export function closeTypeOf({ cause, unknown }: End, leg: Leg): CloseType {
  if (unknown) return 255;
  switch (cause) {
    case "NORMAL_CLEARING":
      return 0;
    case "USER_BUSY":
    case "CALL_REJECTED":
      return leg === "a" ? 3 : 4;
    default:
      return leg === "a" ? 1 : 2;
  }
}

type Base = Pick<CallEvent, "ref" | "at" | "authority" | "chState">;

/** Beside an end that nobody understands stands what was not understood. */
export function ended(base: Base, end: End, leg: Leg): CallEvent[] {
  const { cause, raw } = end;
  const event: CallEvent = { ...base, kind: "ended", closeType: closeTypeOf(end, leg), cause, raw };
  return end.unknown ? [event, { ...base, kind: "unrecognized", raw }] : [event];
}

/** Only what looks like a word or a short number is repeated: a phone number may hide in anything else. */
export function wordOf(text: string): string {
  return /^([A-Za-z][A-Za-z_0-9-]{0,31}|\d{1,4})$/.test(text) && !/\d{5}/.test(text) ? text : "other";
}
