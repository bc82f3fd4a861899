/** Pure: the provider's notifications and call records, read as events. */
import {
  type CallEvent,
  type CallRef,
  ChannelError,
  type CloseType,
  type Delivery,
  type HangupCause,
} from "../contract.ts";
import { stamp } from "./sign.ts";
import { recordAnswer } from "./wire.ts";
import { readRequest } from "./xml.ts";

/** The kind of a delivery that answers our question rather than being pushed. */
export const recordKind = "record";

/** `byeType`; its numbers are the close types of the record. It has no word for declining, nor for a vacant number. */
const endings: Record<string, readonly [CloseType, HangupCause]> = {
  "0": [0, "NORMAL_CLEARING"],
  "1": [1, "NO_ANSWER"],
  "2": [2, "NO_ANSWER"],
  "3": [3, "USER_BUSY"],
  "4": [4, "USER_BUSY"],
  "5": [5, "NORMAL_CLEARING"],
  "6": [6, "NETWORK_ERROR"],
  "7": [7, "NETWORK_ERROR"],
  "255": [255, "NETWORK_ERROR"],
};

/** `type` of the callback call; 2 is the provider's number masking, which this channel does not place. */
const callbackType = "1";
const userDataForm = /^(call_\d{8}_[a-z0-9]{16})\.([1-9]\d{0,3})$/;

/** Our call id and attempt, carried by the provider through every notification; at most 128 bytes. */
export function userDataOf(callId: string, attempt: number): string {
  return `${callId}.${attempt}`;
}

export function normalize(delivery: Delivery): CallEvent[] {
  const isRecord = delivery.kind === recordKind;
  const fields = isRecord ? readRecord(delivery.body) : readRequest(delivery.body);
  if (fields === null) throw malformed();
  const ref = refOf(fields);
  if (ref === null) throw malformed();
  const action = isRecord ? "Hangup" : (fields.get("action") ?? "");
  const base = { ref, ...timeOf(fields, "dateCreated", 3), chState: word(action) };
  const type = fields.get("type") || callbackType;
  if (type !== callbackType) return [{ ...base, kind: "unrecognized", raw: `type ${word(type)}` }];
  if (action === "CallInvite") return readInvite(fields, base);
  if (action === "CallEstablish") return [{ ...base, kind: "answered", leg: "b" }];
  if (action === "Hangup") return readHangup(fields, base);
  return [{ ...base, kind: "unrecognized", raw: word(action) }];
}

type Base = Pick<CallEvent, "ref" | "at" | "authority" | "chState">;
type Fields = ReadonlyMap<string, string>;

/** B is called once A has answered, and nothing else tells of A's answer before the end. */
function readInvite(fields: Fields, base: Base): CallEvent[] {
  const flag = fields.get("userFlag") ?? "";
  if (flag === "0") return [{ ...base, chState: "CallInvite-a", kind: "calling", leg: "a" }];
  if (flag !== "1") return [{ ...base, kind: "unrecognized", raw: `userFlag ${word(flag)}` }];
  const told = { ...base, chState: "CallInvite-b" };
  return [
    { ...told, authority: 1, kind: "answered", leg: "a" },
    { ...told, kind: "calling", leg: "b" },
  ];
}

/** The end and the provider's last word: pushed as `Hangup`, or asked for as a record. */
function readHangup(fields: Fields, base: Base): CallEvent[] {
  const events: CallEvent[] = [];
  const told = (name: string) => ({ ...base, ...timeOf(fields, name, 4) });
  const startA = told("startTimeA");
  const startB = told("startTimeB");
  const end = told("endTime");
  if (startA.at) events.push({ ...startA, kind: "answered", leg: "a" });
  if (startB.at) events.push({ ...startB, kind: "answered", leg: "b" });
  // Without a time of its own the end was at the latest when it was told.
  const over = end.at ? end : base;
  const code = fields.get("byeType") ?? "";
  const [closeType, cause] = (Object.hasOwn(endings, code) ? endings[code] : undefined) ?? [255, "NETWORK_ERROR"];
  events.push({ ...over, kind: "ended", closeType, cause, raw: word(code) });
  const url = fields.get("recordUrl") ?? "";
  if (isUrl(url)) {
    // It runs from A's answer to the end.
    const seconds = startA.at && end.at ? (end.at.getTime() - startA.at.getTime()) / 1_000 : -1;
    const length = seconds >= 0 ? { durationSeconds: seconds } : {};
    events.push({ ...over, kind: "recording", recordingRef: url, ...length });
  }
  for (const name of unreadable(fields)) events.push({ ...base, kind: "unrecognized", raw: name });
  events.push({ ...over, kind: "cdr" });
  return events;
}

/** Names of fields that say something which nobody understands. */
function unreadable(fields: Fields): string[] {
  const names = ["startTimeA", "startTimeB", "endTime"].filter(
    (name) => !isUnset(fields.get(name)) && timeOf(fields, name, 4).at === null,
  );
  if (!Object.hasOwn(endings, fields.get("byeType") ?? "")) names.push("byeType");
  const url = fields.get("recordUrl") ?? "";
  return url === "" || isUrl(url) ? names : [...names, "recordUrl"];
}

function timeOf(fields: Fields, name: string, authority: 3 | 4): { at: Date | null; authority: 1 | 3 | 4 } {
  const at = stamp.read(fields.get(name) ?? "");
  return { at, authority: at === null ? 1 : authority };
}

function isUnset(text: string | undefined): boolean {
  return /^0*$/.test(text ?? "");
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

/** null where a message names no call at all. */
function refOf(fields: Fields): CallRef | null {
  const [, callId, attempt] = userDataForm.exec(fields.get("userData") ?? "") ?? [];
  const providerCallId = fields.get("callId") ?? "";
  const ours = callId === undefined ? {} : { callId, attempt: Number(attempt) };
  if (providerCallId === "") return callId === undefined ? null : ours;
  return { ...ours, providerCallId };
}

/** Only what looks like a word or a short number is repeated: a phone number may hide in anything else. */
function word(text: string): string {
  return /^([a-z][a-z_-]{0,31}|\d{1,4})$/i.test(text) ? text : "other";
}

function readRecord(body: Uint8Array): Map<string, string> | null {
  try {
    const answer = recordAnswer.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)));
    const isPlain = ([, value]: [string, unknown]) => typeof value === "string" || typeof value === "number";
    const fields = Object.entries(answer.callNotify ?? {}).filter(isPlain);
    return new Map(fields.map(([name, value]) => [name, String(value).trim()]));
  } catch {
    return null;
  }
}

function malformed(): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "none", cause: "other", code: "form" });
}
