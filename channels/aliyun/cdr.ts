/** Pure: a call detail record, asked for or listed, read as events. */
import { z } from "zod";
import type { CallEvent } from "../contract.ts";
import { ended, endOf, wordOf } from "./ending.ts";
import { looseText, looseTime, malformed, refOf } from "./ref.ts";

const seconds = z.coerce.number().nonnegative().nullish().catch(null);
const cdrMessage = z.object({
  ContactId: z.string().min(1),
  ContactType: looseText,
  ContactDisposition: looseText,
  ReleaseReason: looseText,
  Tags: looseText,
  StartTime: looseTime,
  EstablishedTime: looseTime,
  ReleaseTime: looseTime,
  TalkTime: seconds,
  RecordingDuration: seconds,
  RecordingReady: z.union([z.boolean(), z.stringbool()]).nullish().catch(null),
});

export interface CdrRules {
  /** Whether a record alone proves that the customer answered. */
  successMeansTalk: boolean;
}

export function readCdr(value: unknown, rules: CdrRules): CallEvent[] {
  const parsed = cdrMessage.safeParse(value);
  if (!parsed.success) throw malformed();
  const cdr = parsed.data;
  const ref = refOf({ contactId: cdr.ContactId, tags: cdr.Tags });
  const type = cdr.ContactType ?? "";
  if (type !== "" && type.toUpperCase() !== "BACK2BACK") {
    return [{ ref, at: cdr.StartTime, authority: 4, kind: "unrecognized", raw: `type ${wordOf(type)}` }];
  }
  const { ReleaseTime: endedAt, ContactDisposition: disposition, ReleaseReason: reason } = cdr;
  const told = endedAt === null ? [] : readEnd({ ref, endedAt, disposition, reason, ...timesOf(cdr) }, rules);
  if (endedAt !== null && cdr.RecordingReady) {
    told.push({ ref, at: endedAt, authority: 4, kind: "recording", recordingRef: cdr.ContactId, ...lengthOf(cdr) });
  }
  const over: CallEvent[] = endedAt === null ? [] : [{ ref, at: endedAt, authority: 4, kind: "cdr" }];
  return [...readLegs(ref, timesOf(cdr)), ...told, ...over];
}

interface Times {
  startedAt: Date | null;
  establishedAt: Date | null;
  talkSeconds: number | null;
}

function timesOf(cdr: z.output<typeof cdrMessage>): Times {
  return { startedAt: cdr.StartTime, establishedAt: cdr.EstablishedTime, talkSeconds: cdr.TalkTime ?? null };
}

function lengthOf({ RecordingDuration }: z.output<typeof cdrMessage>) {
  return RecordingDuration ? { durationSeconds: RecordingDuration } : {};
}

/** Of a two-way call the times are the first leg's, say the pages on events. */
export function readLegs(ref: CallEvent["ref"], { startedAt, establishedAt }: Omit<Times, "talkSeconds">): CallEvent[] {
  const base = { ref, authority: 4, leg: "a" } as const;
  const events: CallEvent[] = [];
  if (startedAt) events.push({ ...base, at: startedAt, kind: "calling" });
  if (establishedAt) events.push({ ...base, at: establishedAt, kind: "answered" });
  return events;
}

export interface CdrEnd extends Times {
  ref: CallEvent["ref"];
  endedAt: Date;
  disposition: string | null | undefined;
  reason: string | null | undefined;
  /** Of an end without a talk; the record's own by default, below the events that tell which leg it was. */
  authority?: 2 | 3;
}

/**
 * Which leg failed stands nowhere: the first where it never answered, else the second. When the customer answered
 * stands nowhere either: reckoned from the length of the talk, else not before the agent did.
 */
export function readEnd(told: CdrEnd, rules: CdrRules): CallEvent[] {
  const { ref, endedAt, establishedAt, talkSeconds, authority = 3 } = told;
  const end = endOf(told.reason, told.disposition);
  const chState = wordOf(told.disposition ?? end.raw);
  const base = { ref, at: endedAt, chState };
  const talked = end.cause === "NORMAL_CLEARING" && told.disposition === "Success" && establishedAt !== null;
  if (!talked) return ended({ ...base, authority }, end, establishedAt === null ? "a" : "b");
  const over = ended({ ...base, authority: 4 }, end, "b");
  if (!rules.successMeansTalk) return over;
  const talkMs = talkSeconds ? talkSeconds * 1_000 : Number.POSITIVE_INFINITY;
  const at = new Date(Math.max(endedAt.getTime() - talkMs, establishedAt.getTime()));
  return [{ ref, at, authority: 1, kind: "answered", leg: "b" }, ...over];
}
