/** Pure: the provider's pushes and call records, read as events. */
import { type CallEvent, type CallOrder, type CallRef, ChannelError, type Delivery } from "../contract.ts";
import type { TianrunConfig } from "./config.ts";
import { answeredBy, endingOf } from "./endings.ts";
import { type Facts, factsOf, fieldsOf, type Names } from "./facts.ts";

/** The kind of a record that was asked for. */
export const recordKind = "cdr";
/** Pushes are told apart by the vendor's number of their type, which stands at the end of the address. */
export const pushKind = (type: string): string => (/^\d{1,2}$/.test(type) ? `push-${type}` : "push");

const requestForm = /(call_\d{8}_[a-z0-9]{16})_([1-9]\d{0,3})(r?)(?![a-z0-9])/;

export interface Request {
  callId: string;
  attempt: number;
  /** A recording was wished for: the provider records all calls of an enterprise, or none. */
  record: boolean;
}

/** Our call id, attempt and wish: the request's id there, and its user field; at most 50 bytes. */
export function requestIdOf({ callId, attempt, record }: Pick<CallOrder, "callId" | "attempt" | "record">): string {
  return `${callId}_${attempt}${record ? "r" : ""}`;
}

/** User fields come back as they were sent, or decoded, or within an object. */
export function readRequest(text: string | undefined): Request | null {
  const [, callId, attempt, record] = requestForm.exec(text ?? "") ?? [];
  return callId === undefined ? null : { callId, attempt: Number(attempt), record: record === "r" };
}

export function requestOf(facts: Facts): Request | null {
  return readRequest(facts.requestId) ?? readRequest(facts.userField);
}

export function openNormalize(config: Pick<TianrunConfig, "flavor" | "pushFields">) {
  return (delivery: Delivery): CallEvent[] => {
    const isRecord = delivery.kind === recordKind;
    const names: Names = isRecord ? {} : config.pushFields;
    const facts = factsOf(fieldsOf(delivery.body), names);
    if (facts === null) throw malformed();
    const request = requestOf(facts) ?? readRequest(delivery.about?.request);
    const ref = refOf(request, facts);
    if (ref === null) throw malformed();
    const told: Message = { facts, ref, request, flavor: config.flavor };
    if (isRecord) return readRecord(told);
    const type = delivery.kind === "push" ? guessed(facts) : delivery.kind.replace("push-", "");
    return readPush(type, told);
  };
}

interface Message {
  facts: Facts;
  ref: CallRef;
  request: Request | null;
  flavor: TianrunConfig["flavor"];
}

/** Where the address does not end in a type. */
function guessed(facts: Facts): string {
  if (facts.end !== undefined) return "8";
  if (facts.bridge !== undefined) return "6";
  if (facts.customerRinging !== undefined) return "22";
  return facts.recordFile === undefined ? "none" : "12";
}

function readPush(type: string, told: Message): CallEvent[] {
  const { facts, ref } = told;
  const base = (at: Date | null, chState: string) =>
    ({ ref, at, authority: at === null ? 1 : 3, chState }) as const satisfies Base;
  switch (type) {
    case "3":
      return [{ ...base(timeOf(facts.ringing), "ringing-a"), kind: "ringing", leg: "a" }];
    case "22": {
      const rang = base(timeOf(facts.customerRinging) ?? timeOf(facts.ringing), "ringing-b");
      // B is called once A has answered, and nothing else tells of A's answer before the end.
      return [
        { ...rang, authority: 1, kind: "answered", leg: "a" },
        { ...rang, kind: "ringing", leg: "b" },
      ];
    }
    case "6":
      return [{ ...base(timeOf(facts.bridge), "connected"), kind: "answered", leg: "b" }];
    case "8":
      return readRecord(told);
    case "12":
      return recordingOf(told, base(null, "recorded"), null);
    default:
      return [{ ref, at: null, authority: 1, kind: "unrecognized", raw: `push-${word(type)}` }];
  }
}

type Base = Pick<CallEvent, "ref" | "at" | "authority" | "chState">;

/** The provider's last word, pushed at the end or asked for afterwards. */
function readRecord(told: Message): CallEvent[] {
  const { facts, ref } = told;
  const status = facts.status ?? "";
  const [start, rang, bridge, end] = [facts.start, facts.customerRinging, facts.bridge, facts.end].map(timeOf);
  const answered = timeOf(facts.agentAnswer);
  const base = (at: Date | null) => ({ ref, at, authority: at === null ? 1 : 4, chState: `status-${word(status)}` });
  const events: CallEvent[] = [];
  const tell = (kind: "calling" | "ringing" | "answered", leg: "a" | "b", at: Date | null | undefined, sure = true) => {
    if (at) events.push({ ref, at, authority: sure ? 4 : 1, chState: `${kind}-${leg}`, kind, leg });
  };
  tell("calling", "a", start);
  if (answered) tell("answered", "a", answered);
  // Clink's records do not say when A answered: at the latest when B rang, or when both talked, or at the end.
  else if (bridge || answeredBy(status).a) tell("answered", "a", rang ?? bridge ?? end, false);
  tell("ringing", "b", rang);
  if (bridge) tell("answered", "b", bridge);
  // They talked, for how long is not said.
  else if (answeredBy(status).b) tell("answered", "b", end, false);
  const over = { ...base(end ?? null), authority: end ? (4 as const) : (1 as const) };
  const reasons = { status, sipCause: facts.sipCause ?? null, endReason: facts.endReason ?? null };
  const read = endingOf({ ...reasons, talked: bridge != null });
  const raw = [status, facts.sipCause].flatMap((code) => (code === undefined ? [] : word(code))).join("/");
  if (read !== null) {
    const [closeType, cause] = read.ending;
    // A record that is asked for later may tell busy from silent.
    const authority = end && !read.sure ? 3 : over.authority;
    events.push({ ...over, authority, kind: "ended", closeType, cause, raw });
  } else {
    events.push({ ...over, kind: "ended", closeType: 255, cause: "NETWORK_ERROR", raw });
    events.push({ ...over, kind: "unrecognized", raw: `status-${word(status)}` });
  }
  if (bridge) events.push(...recordingOf(told, over, end ? (end.getTime() - bridge.getTime()) / 1_000 : null));
  const times = [facts.start, facts.agentAnswer, facts.customerRinging, facts.bridge, facts.end];
  if (times.some((text) => text !== undefined && !/^0+$/.test(text) && timeOf(text) === null)) {
    events.push({ ...over, kind: "unrecognized", raw: "times" });
  }
  events.push({ ...over, kind: "cdr" });
  return events;
}

/** Clink opens a recording by its call's id, CTI-Cloud by its file. */
function recordingOf({ facts, flavor, request }: Message, base: Base, seconds: number | null): CallEvent[] {
  const recordingRef = flavor === "clink" ? facts.uniqueId : facts.recordFile;
  if (request?.record !== true || facts.recordFile === undefined || recordingRef === undefined) return [];
  const length = seconds === null || seconds < 0 ? {} : { durationSeconds: seconds };
  return [{ ...base, kind: "recording", recordingRef, ...length }];
}

/** Epoch seconds, or milliseconds; "" and "0" where it has not come to that. */
function timeOf(text: string | undefined): Date | null {
  if (text === undefined || !/^[1-9]\d{9}(\d{3})?$/.test(text)) return null;
  return new Date(text.length === 13 ? Number(text) : Number(text) * 1_000);
}

/** Null where a message names no call at all. A call that is not ours goes by the provider's own id. */
function refOf(request: Request | null, facts: Facts): CallRef | null {
  if (request !== null) {
    return { callId: request.callId, attempt: request.attempt, providerCallId: requestIdOf(request) };
  }
  return facts.uniqueId === undefined ? null : { providerCallId: facts.uniqueId };
}

/** Codes have at most four digits; in anything longer a number may hide. */
function word(text: string): string {
  return /^\d{1,4}$|^[a-z]{1,16}$/.test(text) ? text : "other";
}

function malformed(): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "none", cause: "other", code: "form" });
}
