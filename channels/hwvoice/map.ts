/** Pure: the provider's pushes, read as events. */
import { createHash } from "node:crypto";
import {
  type CallEvent,
  type CallOrder,
  type CallRef,
  ChannelError,
  type Delivery,
  type Leg,
  type PhoneNumber,
} from "../contract.ts";
import { beijing, timeFormat } from "../kit/zone.ts";
import type { HwvoiceConfig } from "./config.ts";
import { type Ending, endingOfFee, endings } from "./endings.ts";
import { type FeeRecord, feeMessage, statusMessage } from "./wire.ts";

const pattern = "yyyy-MM-dd HH:mm:ss";
const utc = timeFormat(pattern, "UTC");
const clocks = { utc, "utc+8": timeFormat(pattern, beijing), arrival: null } as const;

/** `serviceType` of the two-way call; other products of the platform use the same form. */
const twoWayCall = "002";
const userDataForm = /^(call_\d{8}_[a-z0-9]{16})\.([1-9]\d{0,3})\.([0-9a-f]{8})\.(\d{1,4})$/;

interface UserData {
  callId: string;
  attempt: number;
  /** Tells leg A's number, without repeating it. */
  mark: string;
  maxMinutes: number;
}

/** Round-trips in every push, at most 256 characters: nothing else in a status tells which leg it is about. */
export function writeUserData(order: CallOrder, agent: PhoneNumber, maxMinutes: number): string {
  return `${order.callId}.${order.attempt}.${markOf(order.callId, agent.reveal())}.${maxMinutes}`;
}

function readUserData(text: string | null | undefined): UserData | null {
  const [, callId, attempt, mark, maxMinutes] = userDataForm.exec(text ?? "") ?? [];
  if (callId === undefined || mark === undefined) return null;
  return { callId, attempt: Number(attempt), mark, maxMinutes: Number(maxMinutes) };
}

/** However the country's and the area's code are written. */
function markOf(callId: string, number: string): string {
  const plain = number
    .replace(/\D/g, "")
    .replace(/^(00)?86(?=\d{7})/, "")
    .replace(/^0+/, "");
  return createHash("sha256").update(`${callId}/${plain}`).digest("hex").slice(0, 8);
}

export function openNormalize(config: Pick<HwvoiceConfig, "statusClock">) {
  return (delivery: Delivery): CallEvent[] => {
    const message = parse(delivery.body);
    const fee = feeMessage.safeParse(message);
    if (fee.success) return readFee(fee.data.feeLst[0]);
    const status = statusMessage.safeParse(message);
    if (status.success) return readStatus(status.data, config);
    throw malformed();
  };
}

function readStatus(message: ReturnType<typeof statusMessage.parse>, config: Pick<HwvoiceConfig, "statusClock">) {
  const { eventType, statusInfo } = message;
  const { sessionId, timestamp, called, stateCode } = statusInfo;
  const ours = readUserData(statusInfo.userData);
  const at = clocks[config.statusClock]?.read(timestamp ?? "") ?? null;
  const base: Base = { ref: refOf(ours, sessionId), at, authority: at === null ? 1 : 3 };
  const kind = { callout: "calling", alerting: "ringing", answer: "answered" }[eventType] as
    | "calling"
    | "ringing"
    | "answered"
    | undefined;
  if (kind !== undefined) {
    const leg = legOf(ours, called);
    if (leg === null) return [unrecognized(base, `${eventType}-leg`)];
    return [{ ...base, kind, leg, chState: `${eventType}-${leg}` }];
  }
  if (eventType !== "disconnect") return [unrecognized(base, word(eventType))];
  const raw = word(stateCode ?? "none");
  const known = Object.hasOwn(endings, raw) ? endings[raw] : undefined;
  return readEnd({ ...base, chState: `disconnect-${raw}` }, known ?? null, raw);
}

/** Of the two numbers of a call, A's is known by its mark; anything else that is called is B. */
function legOf(ours: UserData | null, called: string | null | undefined): Leg | null {
  if (ours === null || called == null || !/\d/.test(called)) return null;
  return markOf(ours.callId, called) === ours.mark ? "a" : "b";
}

function readFee(record: FeeRecord): CallEvent[] {
  const ours = readUserData(record.userData);
  const ref = refOf(ours, record.sessionId);
  const shared = { ref, authority: 4 } as const;
  const service = record.serviceType ?? twoWayCall;
  if (service !== twoWayCall) return [unrecognized({ ref, at: null, authority: 1 }, `service-${word(service)}`)];
  const times = {
    a: [record.callOutStartTime, record.callOutAlertingTime, record.callOutAnswerTime],
    b: [record.fwdStartTime, record.fwdAlertingTime, record.fwdAnswerTime],
  } as const;
  const events: CallEvent[] = [];
  for (const leg of ["a", "b"] as const) {
    for (const [index, kind] of (["calling", "ringing", "answered"] as const).entries()) {
      const at = utc.read(times[leg][index] ?? "");
      if (at) events.push({ ...shared, kind, leg, at, chState: `${kind}-${leg}` });
    }
  }
  const at = utc.read(record.callEndTime ?? "") ?? utc.read(record.failTime ?? "");
  const ending = endingOfFee(record, (text) => utc.read(text ?? ""), ours?.maxMinutes ?? 0);
  const base: Base = { ref, at, authority: at === null ? 1 : 4, chState: "fee" };
  // What the record leaves open, the status push may have said.
  const trust = { ...base, authority: ending.known === null && at !== null ? 2 : base.authority } as const;
  events.push(...readEnd(trust, ending.known, ending.raw, ending.leg === "a" ? 1 : 2));
  const recording = recordingOf(record, at);
  if (recording !== null) events.push({ ...base, kind: "recording", ...recording });
  const unreadable = [...times.a, ...times.b, record.callEndTime].some((text) => text && utc.read(text) === null);
  if (unreadable) events.push(unrecognized(base, "times"));
  events.push({ ...base, kind: "cdr" });
  return events;
}

function recordingOf(record: FeeRecord, end: Date | null) {
  const { recordFlag, recordObjectName: fileName, recordDomain, recordFileDownloadUrl: url } = record;
  if (recordFlag !== "1") return null;
  const begun = utc.read(record.recordStartTime ?? "");
  const length = begun && end ? { durationSeconds: Math.max(0, (end.getTime() - begun.getTime()) / 1_000) } : {};
  if (fileName && recordDomain) {
    return { recordingRef: String(new URLSearchParams({ fileName, recordDomain })), ...length };
  }
  return url && /^https?:\/\//i.test(url) ? { recordingRef: url, ...length } : null;
}

type Base = Pick<CallEvent, "ref" | "at" | "authority" | "chState">;

/** A code that nobody knows still ends the call; beside it stands what was not understood. */
function readEnd(base: Base, known: Ending | null, raw: string, failedLeg?: 1 | 2): CallEvent[] {
  if (known) return [{ ...base, kind: "ended", closeType: known[0], cause: known[1], raw }];
  return [
    { ...base, kind: "ended", closeType: failedLeg ?? 255, cause: "NETWORK_ERROR", raw },
    unrecognized(base, `code-${raw}`),
  ];
}

function unrecognized({ ref, at, authority }: Base, raw: string): CallEvent {
  return { ref, at, authority, kind: "unrecognized", raw };
}

function refOf(ours: UserData | null, sessionId: string): CallRef {
  const ref: CallRef = { providerCallId: sessionId };
  return ours === null ? ref : { callId: ours.callId, attempt: ours.attempt, ...ref };
}

/** Only what looks like a word or a short number is repeated: a phone number may hide in anything else. */
function word(text: string): string {
  return /^([a-z][a-z_-]{0,15}|\d{1,4})$/i.test(text) ? text : "other";
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw malformed();
  }
}

function malformed(): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "none", cause: "other", code: "form" });
}
