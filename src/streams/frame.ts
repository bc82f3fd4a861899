import { planStatus } from "../calls/view.ts";
import { hangupAdvice } from "../domain/hangup.ts";
import type { CallStatus, Projection } from "../domain/record.ts";
import type { FeedEvent } from "../outbox/feed.ts";

/** What a desk is told of calls, in the requirements' words; any other change of a record is an update. */
const callFrameTypes = ["CALL_DIALING", "CALL_RINGING", "CALL_CONNECTED", "CALL_ENDED", "CALL_UPDATED"] as const;
/** What those hear who listen to all of a tenant: a line's health has changed. */
const lineFrameType = "LINE_HEALTH";
/** What a stream says of itself: where it begins, that it must begin anew, that it lives. */
const ownFrameTypes = ["READY", "RESET", "HEARTBEAT"] as const;
export const frameTypes = [...callFrameTypes, lineFrameType, ...ownFrameTypes] as const;
type CallFrameType = (typeof callFrameTypes)[number];

/** A message as it is sent, written once for all who get it. */
export interface Frame {
  tenant: string;
  userId: string | null;
  callId: string;
  version: number;
  cursor: string;
  /** The envelope as JSON. */
  text: string;
}

/** Null for topics that tell of nothing which `call.created` or `call.updated` of the same version does not. */
export function frameOf(event: FeedEvent): Frame | null {
  if (event.topic.startsWith("line.")) return lineFrameOf(event);
  if (event.topic !== "call.created" && event.topic !== "call.updated") return null;
  const { tenant, callId, version, cursor } = event;
  const told = tidingsOf(event);
  const timestamp = event.at.getTime();
  const type = typeOf(told.statusBefore, told.status);
  const text = envelope(type, event.id, timestamp, { callId, ...dataOf(told, timestamp), version, cursor });
  return { tenant, userId: told.userId, callId, version, cursor, text };
}

function lineFrameOf({ tenant, callId, version, cursor, id, at, payload }: FeedEvent): Frame {
  const text = envelope(lineFrameType, id, at.getTime(), { ...payload, version, cursor });
  return { tenant, userId: null, callId, version, cursor, text };
}

/** One message of the requirements' form. `timestamp` in epoch milliseconds. */
export function envelope(
  type: (typeof frameTypes)[number],
  messageId: string,
  timestamp: number,
  data: Record<string, unknown>,
): string {
  return JSON.stringify({ type, messageId, timestamp, data });
}

type Tidings = Omit<Projection, "shownNumber" | "recordingRef"> & {
  userId: string | null;
  statusBefore: CallStatus | null;
};

/** The two topics' payload is what `tidings` of the record writer made, and nothing else writes them. */
function tidingsOf({ payload }: FeedEvent): Tidings {
  return payload as unknown as Tidings;
}

/** A frame is named for the stage that begins with it, so that each stage begins once. */
function typeOf(before: CallStatus | null, status: CallStatus): CallFrameType {
  const stage = stageOf(status);
  return before !== null && stageOf(before) === stage ? "CALL_UPDATED" : stage;
}

function stageOf(status: CallStatus): CallFrameType {
  switch (status) {
    case "pending":
    case "calling":
      return "CALL_DIALING";
    case "ringing":
      return "CALL_RINGING";
    case "connected":
      return "CALL_CONNECTED";
    case "ended":
    case "missed":
    case "rejected":
    case "busy":
    case "failed":
      return "CALL_ENDED";
    default:
      return status satisfies never;
  }
}

/** No number, no reference of the provider's: a desk asks the record for what it may see. */
function dataOf(told: Tidings, at: number): Record<string, unknown> {
  const talked = told.connTime === null ? 0 : Math.max(0, Math.floor((at - told.connTime) / 1000));
  return {
    ...planStatus(told.status),
    answered: told.answered,
    state: told.state,
    duration: told.duration ?? talked,
    userId: told.userId,
    channel: told.channel,
    lineId: told.lineId,
    startTime: told.connTime,
    endTime: told.closeTime,
    ringDuration: told.ringDuration,
    closeType: told.closeType,
    hangupCause: told.hangupCause,
    hangupAdvice: told.hangupCause === null ? null : hangupAdvice[told.hangupCause],
    hasRecording: told.hasRecording,
    recordingDuration: told.recordingDuration,
    finalized: told.finalized,
  };
}
