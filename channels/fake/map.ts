/** Pure: the simulated provider's messages, read as events. */
import type { z } from "zod";
import {
  type CallEvent,
  type CallRef,
  ChannelError,
  type CloseType,
  type Delivery,
  type HangupCause,
} from "../contract.ts";
import { callMessage, eventMessage } from "./wire.ts";

/** The provider's end codes. */
const endings: Record<string, readonly [CloseType, HangupCause]> = {
  completed: [0, "NORMAL_CLEARING"],
  cancelled: [0, "NORMAL_CLEARING"],
  "a-no-answer": [1, "NO_ANSWER"],
  "b-no-answer": [2, "NO_ANSWER"],
  "b-vacant": [2, "UNALLOCATED_NUMBER"],
  "b-malformed": [2, "INVALID_NUMBER"],
  "a-busy": [3, "USER_BUSY"],
  "a-declined": [3, "CALL_REJECTED"],
  "b-busy": [4, "USER_BUSY"],
  "b-declined": [4, "CALL_REJECTED"],
  "max-duration": [5, "NORMAL_CLEARING"],
  "no-capacity": [6, "NETWORK_ERROR"],
};

/** End codes with which the provider says that it dialed nobody. */
export const neverDialed = ["no-capacity"] as const;

export function normalize(delivery: Delivery): CallEvent[] {
  const message = parse(delivery.body);
  const type = "type" in message && typeof message.type === "string" ? message.type : null;
  if (type === null) throw malformed();
  if (type === "event") return readEvent(message);
  if (type === "cdr" || type === "state") return readCall(message);
  return [{ kind: "unrecognized", raw: word(type), ref: looseRef(message), at: null, authority: 1 }];
}

function readEvent(message: object): CallEvent[] {
  const parsed = eventMessage.safeParse(message);
  if (!parsed.success) throw malformed();
  const { event, leg, code, time } = parsed.data;
  const chState = word(leg === null ? event : `${event}-${leg}`);
  const base = { ref: refOf(parsed.data), at: time, authority: 3, chState } as const;
  if (event === "calling" || event === "ringing" || event === "answered") {
    if (leg === null) throw malformed();
    return [{ ...base, kind: event, leg }];
  }
  if (event === "hangup") return readEnd(base, code ?? "");
  return [{ ...base, kind: "unrecognized", raw: word(event) }];
}

function readCall(message: object): CallEvent[] {
  const parsed = callMessage.safeParse(message);
  if (!parsed.success) throw malformed();
  const call = parsed.data;
  const shared = { ref: refOf(call), authority: call.type === "cdr" ? 4 : 2 } as const;
  const events: CallEvent[] = [];
  for (const leg of ["a", "b"] as const) {
    const { calledAt, rangAt, answeredAt } = call[leg];
    if (calledAt) events.push({ ...shared, kind: "calling", leg, at: calledAt, chState: `calling-${leg}` });
    if (rangAt) events.push({ ...shared, kind: "ringing", leg, at: rangAt, chState: `ringing-${leg}` });
    if (answeredAt) events.push({ ...shared, kind: "answered", leg, at: answeredAt, chState: `answered-${leg}` });
  }
  if (call.endedAt) {
    events.push(...readEnd({ ...shared, at: call.endedAt, chState: word(call.state) }, call.code ?? ""));
  }
  if (call.recording) {
    const { ref, seconds, bytes } = call.recording;
    const at = call.endedAt;
    events.push({ ...shared, kind: "recording", at, recordingRef: ref, durationSeconds: seconds, sizeBytes: bytes });
  }
  if (call.type === "cdr") events.push({ ...shared, kind: "cdr", at: call.endedAt });
  return events;
}

type Base = Pick<CallEvent, "ref" | "at" | "authority" | "chState">;

/** A code that nobody knows still ends the call; beside it stands what was not understood. */
function readEnd(base: Base, code: string): CallEvent[] {
  const raw = word(code);
  const known = Object.hasOwn(endings, code) ? endings[code] : undefined;
  if (known) return [{ ...base, kind: "ended", closeType: known[0], cause: known[1], raw }];
  return [
    { ...base, kind: "ended", closeType: 255, cause: "NETWORK_ERROR", raw },
    { ...base, kind: "unrecognized", raw },
  ];
}

function refOf(message: z.output<typeof eventMessage> | z.output<typeof callMessage>): CallRef {
  return { callId: message.callRef, attempt: message.attempt, providerCallId: message.callId };
}

function looseRef(message: object): CallRef {
  const ref: CallRef = {};
  if ("callRef" in message && typeof message.callRef === "string") ref.callId = message.callRef;
  if ("callId" in message && typeof message.callId === "string") ref.providerCallId = message.callId;
  return ref;
}

/** Only what looks like a word is repeated: a number may hide in anything else. */
function word(text: string): string {
  return /^[a-z][a-z_-]{0,31}$/i.test(text) ? text : "other";
}

function parse(body: Uint8Array): object {
  let message: unknown;
  try {
    message = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw malformed();
  }
  if (typeof message !== "object" || message === null || Array.isArray(message)) throw malformed();
  return message;
}

function malformed(): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "none", cause: "other", code: "form" });
}
