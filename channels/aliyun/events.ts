/** Pure: what is pushed about calls, in the vendor's words and in those of the requirements, read as events. */
import { z } from "zod";
import type { CallEvent, Leg } from "../contract.ts";
import { type CdrRules, readEnd, readLegs } from "./cdr.ts";
import { ended, endOf, sipOf, wordOf } from "./ending.ts";
import { digitsOf, looseText, looseTime, malformed, refOf } from "./ref.ts";

/** What both shapes share. The vendor's page: 事件消息格式; the other is the requirements' `CallStatusCallback`. */
const called = { instanceId: looseText, caller: looseText, callee: looseText, tags: looseText, eventTime: looseTime };
const vendorMessage = z.object({
  ...called,
  eventType: z.string().min(1),
  contactId: looseText,
  channelId: looseText,
  callType: looseText,
  destination: looseText,
  releaseReason: looseText,
  dispositionCode: looseText,
  startTime: looseTime,
  establishedTime: looseTime,
  endTime: looseTime,
});
type VendorMessage = z.output<typeof vendorMessage>;
const duration = z.coerce.number().nonnegative().nullish().catch(null);
const statusMessage = z.object({
  ...called,
  event: z.string().min(1),
  callId: looseText,
  jobId: looseText,
  releaseReason: looseText,
  duration,
});
const recordingMessage = z.object({
  callId: z.string().min(1),
  recordingUrl: z.string(),
  recordingDuration: duration,
  recordingSize: duration,
  recordingTime: looseTime,
});

/** Channels whose leg is known from other messages of the same call. */
export type LegsByChannel = ReadonlyMap<string, Leg>;

export function readEvent(value: unknown, rules: CdrRules, known: LegsByChannel = new Map()): CallEvent[] {
  const vendor = vendorMessage.safeParse(value);
  if (vendor.success) return readVendor(vendor.data, rules, known);
  const status = statusMessage.safeParse(value);
  if (status.success) return readStatus(status.data, rules);
  const recording = recordingMessage.safeParse(value);
  if (!recording.success) throw malformed();
  const { callId, recordingDuration, recordingSize, recordingTime: at } = recording.data;
  // Its address expires: a new one is asked for by the call's id.
  const length = recordingDuration == null ? {} : { durationSeconds: recordingDuration };
  const size = recordingSize == null ? {} : { sizeBytes: recordingSize };
  const base = { ...trust(at), ref: { providerCallId: callId } };
  return [{ ...base, kind: "recording", recordingRef: callId, ...length, ...size }];
}

/** All messages of a call at once: a ringing names its leg, and thereby its channel's. */
export function readNotices(values: readonly unknown[], rules: CdrRules): CallEvent[] {
  const known = new Map<string, Leg>();
  for (const value of values) {
    const { data } = vendorMessage.safeParse(value);
    const leg = data && data.eventType === "Ringing" ? legOf(data, known) : null;
    if (data?.channelId && leg) known.set(data.channelId, leg);
  }
  return values.flatMap((value) => readEvent(value, rules, known));
}

/** Of a call, but nothing that a record keeps. */
const silent = new Set(["DualTrackRecordingReady", "Held", "Retrieved", "Muted", "Unmuted"]);

function readVendor(message: VendorMessage, rules: CdrRules, known: LegsByChannel): CallEvent[] {
  const { eventType, callType, releaseReason, caller, callee } = message;
  const base = { ...trust(message.eventTime), ref: refOf(message), chState: wordOf(eventType) };
  if (callType && callType.toUpperCase() !== "BACK2BACK")
    return [{ ...base, kind: "unrecognized", raw: `type ${wordOf(callType)}` }];
  if (silent.has(eventType)) return [];
  // A call whose answer was lost is known by its numbers alone; told where it begins only, lest a later is meant.
  const legs = caller && callee ? { legs: { agent: caller, customer: callee } } : {};
  const begins = { ...base, ref: { ...base.ref, ...legs } };
  switch (eventType) {
    case "Dialing":
      return [{ ...begins, kind: "calling", leg: "a" }];
    case "Ringing":
      return readRinging(begins, legOf(message, known));
    case "Established":
      return readTalk(base);
    case "Released":
      return readReleased(base, releaseReason, legOf(message, known));
    case "RecordingReady":
      return message.contactId
        ? [{ ...base, kind: "recording", recordingRef: message.contactId, ...lengthOf(message) }]
        : [{ ...base, kind: "unrecognized", raw: wordOf(eventType) }];
    case "CDRReady":
      return readCdrReady(base, message, rules);
    default:
      return [{ ...base, kind: "unrecognized", raw: wordOf(eventType) }];
  }
}

type Base = Pick<CallEvent, "ref" | "at" | "authority" | "chState">;

/** B is called once A has answered, and no message of its own tells of that. Without a name it is A who rings first. */
function readRinging(base: Base, leg: Leg | null): CallEvent[] {
  if (leg === null) return [{ ...base, authority: 1, kind: "ringing", leg: "a" }];
  const rings: CallEvent = { ...base, kind: "ringing", leg, chState: `Ringing-${leg}` };
  return leg === "a" ? [rings] : [{ ...base, authority: 1, kind: "answered", leg: "a", chState: "Ringing-b" }, rings];
}

/** Both legs are told as established when B answers, and not before. */
function readTalk(base: Base): CallEvent[] {
  return [
    { ...base, authority: 1, kind: "answered", leg: "a" },
    { ...base, kind: "answered", leg: "b" },
    { ...base, kind: "connected" },
  ];
}

/** The leg that failed is told first, then the other is let go with a mere 200: that counts for less. */
function readReleased(base: Base, reason: string | null | undefined, leg: Leg | null): CallEvent[] {
  const end = endOf(reason, null);
  if (end.cause === "NORMAL_CLEARING" && sipOf(reason) !== null) return ended({ ...base, authority: 2 }, end, "b");
  // Whose it is may be unknown. Whoever asked for a call mostly answers it.
  return leg === null ? ended({ ...base, authority: 1 }, end, "b") : ended(base, end, leg);
}

/** The record's beginning, without the reason for which a leg was released: an end that tells more counts for more. */
function readCdrReady(base: Base, message: VendorMessage, rules: CdrRules): CallEvent[] {
  const { ref } = base;
  const { startTime: startedAt, establishedTime: establishedAt, endTime, dispositionCode: disposition } = message;
  if (endTime === null) return [{ ...base, kind: "unrecognized", raw: "endTime" }];
  const told = { ref, endedAt: endTime, startedAt, establishedAt, talkSeconds: null, disposition, reason: null };
  return [
    ...readLegs(ref, { startedAt, establishedAt }),
    ...readEnd({ ...told, authority: 2 }, rules),
    { ref, at: endTime, authority: 4, kind: "cdr" },
  ];
}

/** The requirements' own words: `Answered` is a call whose parties talk, a `duration` the seconds of the talk. */
function readStatus(message: z.output<typeof statusMessage>, rules: CdrRules): CallEvent[] {
  const { event, callId, jobId, eventTime: at, duration: talked, releaseReason } = message;
  const vendor = { ...vendorMessage.parse({ eventType: event }), ...message, contactId: jobId || callId };
  if (event === "Answered") return readVendor({ ...vendor, eventType: "Established" }, rules, new Map());
  if (event !== "Released" || at === null || !talked) return readVendor(vendor, rules, new Map());
  const base = { ref: refOf(vendor), at, authority: 3, chState: "Released" } as const;
  const began = new Date(at.getTime() - talked * 1_000);
  return [
    { ...base, at: began, authority: 1, kind: "answered", leg: "b" },
    ...ended(base, endOf(releaseReason || "200", null), "b"),
  ];
}

/** By the number that is dialed; else by the one number of the two that the channel's id holds. */
function legOf({ channelId, destination, caller, callee }: VendorMessage, known: LegsByChannel): Leg | null {
  const [a, b] = [digitsOf(caller), digitsOf(callee)];
  if (a === "" || b === "") return null;
  const dialed = digitsOf(destination);
  if (dialed === a) return "a";
  if (dialed === b) return "b";
  const own = known.get(channelId ?? "");
  if (own !== undefined) return own;
  const [hasA, hasB] = [a, b].map((number) => new RegExp(`(?<!\\d)${number}(?!\\d)`).test(channelId ?? ""));
  if (hasA === hasB) return null;
  return hasA ? "a" : "b";
}

function lengthOf({ startTime, endTime }: VendorMessage) {
  return startTime && endTime ? { durationSeconds: (endTime.getTime() - startTime.getTime()) / 1_000 } : {};
}

function trust(at: Date | null): { at: Date | null; authority: 1 | 3 } {
  return { at, authority: at === null ? 1 : 3 };
}
