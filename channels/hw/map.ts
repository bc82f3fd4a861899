/** Pure: the provider's answers, records and callbacks, read as events. */
import {
  type CallEvent,
  type CallRef,
  ChannelError,
  type CloseType,
  type Delivery,
  type HangupCause,
} from "../contract.ts";
import { cdrMessage, connectMessage, parseJson, parsePush, releaseMessage, stateMessage } from "./wire.ts";

/** reasonCode, by support.huaweicloud.com/api-ccfs-cec/cec_07_1306. Busy, declined and vacant are all 2 or 3. */
const endings: Record<string, readonly [CloseType, HangupCause]> = {
  "0": [0, "NORMAL_CLEARING"],
  "1": [0, "NORMAL_CLEARING"],
  "2": [1, "NETWORK_ERROR"],
  "3": [2, "NETWORK_ERROR"],
  "4": [1, "NO_ANSWER"],
  "5": [2, "NO_ANSWER"],
  "6": [6, "NETWORK_ERROR"],
};
const states: Record<string, string> = { "0": "waiting", "1": "calling", "2": "talking", "3": "ended" };

/** Round-trips in `callData`: our call id, the attempt, and whether a recording was wished for. */
export function writeCallData(call: { callId: string; attempt: number; record: boolean }): string {
  return `${call.callId}.${call.attempt}${call.record ? ".r" : ""}`;
}

export function readCallData(
  text: string | null | undefined,
): { callId: string; attempt: number; record: boolean } | null {
  const [, callId, attempt, record] = /^([\w-]{1,64})\.(\d{1,4})(\.r)?$/.exec(text ?? "") ?? [];
  return callId === undefined ? null : { callId, attempt: Number(attempt), record: record !== undefined };
}

export function normalize(delivery: Delivery): CallEvent[] {
  const text = decode(delivery.body);
  if (delivery.kind === "state") return readState(parseJson(text), delivery.about?.callSerialNo);
  if (delivery.kind === "cdr") return readCdr(parseJson(text));
  if (delivery.kind === "push") return readPush(parsePush(text));
  throw malformed();
}

/** Its times are those of the whole call: of the legs it tells only that they are being rung, or talk. */
function readState(value: unknown, callSerialNo: string | undefined): CallEvent[] {
  const parsed = stateMessage.safeParse(value);
  if (!parsed.success) throw malformed();
  const { state, reasonCode, startTime, endTime, callData } = parsed.data.result;
  const shared = { ref: refOf(callData, callSerialNo), authority: 2 } as const;
  const chState = states[state];
  if (chState === undefined) return [unrecognized(shared.ref, `state-${word(state)}`)];
  const events: CallEvent[] = [];
  if (startTime && state !== "0") {
    events.push({ ...shared, kind: "calling", leg: "a", at: startTime, chState: "calling" });
  }
  // Since when they talk is not said.
  if (state === "2") events.push({ ...shared, kind: "connected", at: null, authority: 1, chState });
  if (state === "3") events.push(...readEnd({ ...shared, at: endTime }, reasonCode));
  return events;
}

function readCdr(value: unknown): CallEvent[] {
  const parsed = cdrMessage.safeParse(value);
  if (!parsed.success) throw malformed();
  const cdr = parsed.data;
  const { state, callData, agentTalkingTime, talkingTime } = cdr;
  // A call that still runs is no record yet, should the list hold such.
  const ended = state === "3";
  const ref = refOf(callData, cdr.callSerialNo);
  const shared = { ref, authority: ended ? 4 : 2 } as const;
  const events: CallEvent[] = [];
  const legs = [
    ["a", "calling", state === "0" ? null : cdr.startTime],
    ["a", "ringing", cdr.agentAlertingTime],
    ["a", "answered", agentTalkingTime],
    ["b", "ringing", cdr.alertingTime],
    ["b", "answered", talkingTime],
  ] as const;
  for (const [leg, kind, at] of legs) {
    if (at) events.push({ ...shared, kind, leg, at, chState: `${kind}-${leg}` });
  }
  if (talkingTime) {
    const at = agentTalkingTime && agentTalkingTime > talkingTime ? agentTalkingTime : talkingTime;
    events.push({ ...shared, kind: "connected", at, chState: "talking" });
  }
  if (!ended) {
    if (states[state] === undefined) events.push(unrecognized(ref, `state-${word(state)}`));
    return events;
  }
  const at = cdr.endTime ?? cdr.releaseTime;
  events.push(...readEnd({ ...shared, at }, cdr.reasonCode));
  // No record says whether a recording exists: one is looked for where it was wished for and people talked.
  if (talkingTime && readCallData(callData)?.record) {
    const seconds = cdr.talkDuration == null ? {} : { durationSeconds: cdr.talkDuration };
    events.push({ ...shared, kind: "recording", at, recordingRef: cdr.callSerialNo, ...seconds });
  }
  events.push({ ...shared, kind: "cdr", at });
  return events;
}

/** Unsigned, and without a time that could be trusted: an inference, until a state or the record says more. */
function readPush(value: unknown): CallEvent[] {
  const release = releaseMessage.safeParse(value);
  const connect = release.success ? release : connectMessage.safeParse(value);
  if (!connect.success) throw malformed();
  const ref = refOf(connect.data.callData, connect.data.callSerialNo);
  const base = { ref, at: null, authority: 1 } as const;
  const talked: CallEvent = { ...base, kind: "connected", chState: "talking" };
  if (!release.success) return [talked];
  const { talkingTime, releaseReason } = release.data;
  return [...(talkingTime ? [talked] : []), ...readEnd(base, releaseReason)];
}

type Base = Pick<CallEvent, "ref" | "at" | "authority">;

/** A code that nobody knows still ends the call; beside it stands what was not understood. */
function readEnd(base: Base, reasonCode: string | null | undefined): CallEvent[] {
  const raw = word(reasonCode ?? "none");
  const chState = `ended-${raw}`;
  const known = Object.hasOwn(endings, raw) ? endings[raw] : undefined;
  if (known) return [{ ...base, chState, kind: "ended", closeType: known[0], cause: known[1], raw }];
  return [
    { ...base, chState, kind: "ended", closeType: 255, cause: "NETWORK_ERROR", raw },
    { ...unrecognized(base.ref, `reason-${raw}`), at: base.at },
  ];
}

function unrecognized(ref: CallRef, raw: string): CallEvent {
  return { ref, at: null, authority: 1, kind: "unrecognized", raw };
}

function refOf(callData: string | null | undefined, callSerialNo: string | undefined): CallRef {
  const ours = readCallData(callData);
  const ref: CallRef = ours === null ? {} : { callId: ours.callId, attempt: ours.attempt };
  return callSerialNo === undefined ? ref : { ...ref, providerCallId: callSerialNo };
}

/** Codes have at most five digits; in anything longer a number may hide. */
function word(text: string): string {
  return /^\w{1,5}$/.test(text) ? text : "other";
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw malformed();
  }
}

function malformed(): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "none", cause: "other", code: "form" });
}
