/** Pure: the platform's call records and server callbacks, read as events. */
import {
  type CallEvent,
  type CallRef,
  ChannelError,
  type CloseType,
  type Delivery,
  type HangupCause,
} from "../contract.ts";
import { stamp } from "../kit/sid-sign.ts";
import { type Fields, type Push, readPush } from "./push.ts";

export const callbacks = ["CallAuth", "CallEstablish", "Hangup"] as const;
/** `type` of a callback call; the others are of direct and of network calls, which this channel does not place. */
const callbackType = "1";
const userDataForm = /^(call_\d{8}_[a-z0-9]{16})\.([1-9]\d{0,3})(\.r)?$/;
/** No call was dialed where the platform, or our own answer, forbade it. */
export const neverDialed = ["-6", "-7"];

type Ending = readonly [CloseType, HangupCause];
/** `byetype` of a callback; busy, declined and no answer are one word. -2 is whoever was ringing. */
const endings: Record<string, Ending> = {
  "1": [0, "NORMAL_CLEARING"],
  // The longest time, or the account's last money.
  "2": [5, "NORMAL_CLEARING"],
  "3": [0, "NORMAL_CLEARING"],
  "4": [0, "NORMAL_CLEARING"],
  "-1": [0, "NORMAL_CLEARING"],
  "-3": [0, "NORMAL_CLEARING"],
  "-4": [1, "NETWORK_ERROR"],
  "-5": [2, "NETWORK_ERROR"],
  "-6": [6, "NETWORK_ERROR"],
  "-7": [6, "NETWORK_ERROR"],
  "-8": [2, "NO_ANSWER"],
  "-9": [2, "NO_ANSWER"],
  "-10": [1, "NO_ANSWER"],
  "-11": [6, "NETWORK_ERROR"],
  "-14": [0, "NORMAL_CLEARING"],
};

/** Our call id and attempt, and whether a recording was wished for: 64 characters are known to pass. */
export function writeUserData(call: { callId: string; attempt: number; record: boolean }): string {
  return `${call.callId}.${call.attempt}${call.record ? ".r" : ""}`;
}

export function readUserData(text: string | undefined): { callId: string; attempt: number; record: boolean } | null {
  const [, callId, attempt, record] = userDataForm.exec(text ?? "") ?? [];
  return callId === undefined ? null : { callId, attempt: Number(attempt), record: record !== undefined };
}

/** The fields that name the call: a record of both legs has them in the caller's. */
export function namingFields({ call, legs }: Push): Fields {
  if (legs === null) return call;
  return new Map([...call, ...legs.called, ...legs.caller].filter(([, value]) => value !== ""));
}

/** Which callback a push is, by what it says or else by the address it came to; null for a record. */
export function callbackOf(push: Push, kind: string): string | null {
  const said = push.call.get("action") || kind;
  return callbacks.find((name) => name.toLowerCase() === said.toLowerCase()) ?? (push.call.get("action") || null);
}

export function normalize(delivery: Delivery): CallEvent[] {
  const push = readPush(delivery.body);
  const ref = push && refOf(namingFields(push));
  if (!push || !ref) throw malformed();
  const action = callbackOf(push, delivery.kind);
  if (action !== null) return readCallback(push.call, action, ref);
  const base: Base = { ref, at: null, authority: 1, chState: "cdr" };
  if (push.legs !== null) return readLegs(push.call, push.legs, base);
  if (push.call.get("byetype") === undefined && push.call.get("endtime") === undefined) throw malformed();
  return readCdr(push.call, base);
}

type Base = Pick<CallEvent, "ref" | "at" | "authority" | "chState">;

/** Once CallAuth is answered, A is dialed; neither it nor CallEstablish has a time of its own. */
function readCallback(fields: Fields, action: string, ref: CallRef): CallEvent[] {
  const base: Base = { ref, at: null, authority: 1, chState: word(action) };
  const type = fields.get("type") || callbackType;
  if (type !== callbackType) return [{ ...base, kind: "unrecognized", raw: `type ${word(type)}` }];
  if (action === "CallAuth") return [{ ...base, kind: "calling", leg: "a" }];
  if (action === "CallEstablish") return [{ ...base, kind: "answered", leg: "b" }];
  if (action !== "Hangup") return [{ ...base, kind: "unrecognized", raw: word(action) }];
  const [start, end] = [timed(base, fields, "starttime", 3), timed(base, fields, "endtime", 3)];
  const code = fields.get("byetype") ?? "";
  const talked = isConnected(code, fields.get("talkduration"));
  const answered: CallEvent[] = talked && start.at ? [{ ...start, kind: "answered", leg: "b" }] : [];
  return [...answered, ...readEnd(end, code, start.at !== null), ...readRecording(end, fields)];
}

/** One leg's record: its start is B's answer where B answered, else A's. */
function readCdr(fields: Fields, base: Base): CallEvent[] {
  const told = (name: string) => timed(base, fields, name, 4);
  const code = fields.get("byetype") ?? "";
  const [start, ringingEnd] = [told("starttime"), told("ringingendtime")];
  const talked = isConnected(code, fields.get("duration"));
  const events = legEvents("a", told("begincalltime"), told("ringingbegintime"));
  // A's phone stopped ringing when A answered.
  const answerA = talked || !start.at ? ringingEnd : start;
  if (start.at && answerA.at) events.push({ ...answerA, kind: "answered", leg: "a" });
  if (talked && start.at) events.push({ ...start, kind: "answered", leg: "b" });
  const end = told("endtime").at ? told("endtime") : ringingEnd;
  return [...events, ...readEnd(end, code, start.at !== null), ...readRecording(end, fields), { ...end, kind: "cdr" }];
}

/** Both legs' records: in each, its start is its answer. */
function readLegs(call: Fields, { caller, called }: NonNullable<Push["legs"]>, base: Base): CallEvent[] {
  const ofA = (name: string) => timed(base, caller, name, 4);
  const ofB = (name: string) => timed(base, called, name, 4);
  const answers = { a: ofA("starttime"), b: ofB("starttime") };
  const events = [
    ...legEvents("a", ofA("begincalltime"), ofA("ringingbegintime"), answers.a),
    ...legEvents("b", ofB("begincalltime"), ofB("ringingbegintime"), answers.b),
  ];
  const ends = [ofA("endtime"), ofB("endtime"), ofB("ringingendtime"), ofA("ringingendtime")];
  const end = ends.find(({ at }) => at !== null) ?? base;
  const codes = [caller.get("byetype") ?? "", called.get("byetype") ?? ""];
  // Why it failed is said by the leg that failed.
  const code = codes.find((one) => one.startsWith("-")) ?? codes.find((one) => one !== "") ?? "";
  const recording = readRecording(end, new Map([...caller, ...call]));
  return [...events, ...readEnd(end, code, answers.a.at !== null), ...recording, { ...end, kind: "cdr" }];
}

function legEvents(leg: "a" | "b", calling: Base, ringing: Base, answered?: Base): CallEvent[] {
  const steps = [
    { ...calling, kind: "calling", leg } as const,
    { ...ringing, kind: "ringing", leg } as const,
    ...(answered ? [{ ...answered, kind: "answered", leg } as const] : []),
  ];
  return steps.filter(({ at }) => at !== null);
}

function readEnd(base: Base, code: string, aAnswered: boolean): CallEvent[] {
  const known: Ending | undefined =
    code === "-2" ? [aAnswered ? 2 : 1, "NO_ANSWER"] : Object.hasOwn(endings, code) ? endings[code] : undefined;
  const [closeType, cause] = known ?? [255, "NETWORK_ERROR"];
  const end: CallEvent = { ...base, kind: "ended", closeType, cause, raw: word(code) };
  return known ? [end] : [end, { ...base, kind: "unrecognized", raw: `byetype ${word(code)}` }];
}

function readRecording(base: Base, fields: Fields): CallEvent[] {
  const url = fields.get("recordurl") ?? "";
  if (url === "") return [];
  if (/^https?:\/\//i.test(url) && URL.canParse(url)) return [{ ...base, kind: "recording", recordingRef: url }];
  return [{ ...base, kind: "unrecognized", raw: "recordurl" }];
}

function isConnected(code: string, seconds: string | undefined): boolean {
  return /^[1-4]$/.test(code) && Number(seconds) > 0;
}

function timed(base: Base, fields: Fields, name: string, authority: 3 | 4): Base {
  const at = stamp.read(fields.get(name) ?? "");
  return at === null ? base : { ...base, at, authority };
}

/** null where a message names no call at all. */
function refOf(fields: Fields): CallRef | null {
  const ours = readUserData(fields.get("userdata"));
  const providerCallId = fields.get("callsid") ?? "";
  if (ours === null && providerCallId === "") return null;
  const named = ours === null ? {} : { callId: ours.callId, attempt: ours.attempt };
  return providerCallId === "" ? named : { ...named, providerCallId };
}

/** Only what looks like a word or a short number is repeated: a phone number may hide in anything else. */
function word(text: string): string {
  return /^([a-z][a-z_-]{0,31}|-?\d{1,4})$/i.test(text) ? text : "other";
}

function malformed(): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "none", cause: "other", code: "form" });
}
