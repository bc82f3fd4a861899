/** Pure: the provider's sessions, records and pushes, read as events. */
import { type CallEvent, type CallRef, ChannelError, type Delivery, type Placement } from "../contract.ts";
import type { TencentConfig } from "./config.ts";
import { endingOf, endWord } from "./endings.ts";
import { cdrMessage, recordMessage, sessionMessage } from "./wire.ts";

/** 1 is a call that goes out; those that come in are none of ours. */
const outbound = 1;
const userDataForm = /^(call_\d{8}_[a-z0-9]{16})\.([1-9]\d{0,3})$/;
/** A recording is asked for by its session and a moment near which that was: Unix seconds. */
const recordingForm = /^([\w-]{1,64})@(\d{9,10})$/;

/** Our call id and attempt, of the 1,024 bytes that a call may carry. */
export function writeUserData(callId: string, attempt: number): string {
  return `${callId}.${attempt}`;
}

export function readUserData(text: string | null | undefined): { callId: string; attempt: number } | null {
  const [, callId, attempt] = userDataForm.exec(text ?? "") ?? [];
  return callId === undefined ? null : { callId, attempt: Number(attempt) };
}

/**
 * The vendor's samples spell a session's id with dashes in one place and without in another. Inside it has none; the
 * vendor is asked with the spelling that it gave.
 */
export function plainId(sessionId: string): string {
  return sessionId.replaceAll("-", "");
}

/** The vendor's own spelling stands beside the id where it is another. */
export function placementOf(sessionId: string): Placement {
  const plain = plainId(sessionId);
  return { providerCallId: plain, providerJobId: plain === sessionId ? null : sessionId };
}

export function readRecordingRef(ref: string): { session: string; at: number } | null {
  const [, session, at] = recordingForm.exec(ref) ?? [];
  return session === undefined ? null : { session, at: Number(at) };
}

export function normalize(delivery: Delivery, { sessionTimesOf }: TencentConfig): CallEvent[] {
  const value = parse(delivery.body);
  if (delivery.kind === "session") return readSession(value, delivery.about ?? {}, sessionTimesOf);
  if (delivery.kind === "cdr") return readCdr(value);
  if (delivery.kind === "record") return readRecord(value);
  // Sound of other kinds, video and voicemail: pushed where the console has it so, and no call's news.
  if (typeof value !== "object" || value === null || !("SessionId" in value)) throw malformed();
  return [unrecognized({}, `push-${delivery.kind}`)];
}

/** A live call. That people talk is told by its status; when they began, by a time which the customer's answer sets. */
function readSession(value: unknown, about: Record<string, string>, timesOf: "customer" | "agent"): CallEvent[] {
  const parsed = sessionMessage.safeParse(value);
  if (!parsed.success) throw malformed();
  const { SessionStatus: status, StartTimestamp, RingTimestamp, AcceptTimestamp } = parsed.data;
  const ours = readUserData(about.call);
  const ref: CallRef = { ...ours, ...(about.session !== undefined && { providerCallId: about.session }) };
  if (!Object.hasOwn(sessionStatuses, status)) return [unrecognized(ref, `session-${word(status)}`)];
  const shared = { ref, authority: 2, chState: status } as const;
  const leg = timesOf === "customer" ? "b" : "a";
  const events: CallEvent[] = [];
  if (StartTimestamp) events.push({ ...shared, kind: "calling", leg: "a", at: StartTimestamp });
  if (RingTimestamp) events.push({ ...shared, kind: "ringing", leg, at: RingTimestamp });
  const accepted = sessionStatuses[status] === "accepted" ? AcceptTimestamp : null;
  if (accepted) events.push({ ...shared, kind: "answered", leg, at: accepted });
  if (accepted && leg === "b") events.push({ ...shared, kind: "connected", at: accepted });
  return events;
}

/** While it rings a time of acceptance would be somebody else's. */
const sessionStatuses: Record<string, "open" | "accepted"> = {
  seatJoining: "open",
  ringing: "open",
  inProgress: "accepted",
  finished: "accepted",
};

/** Of a call that goes out its times are the customer's; the agent's stand with who took part. */
function readCdr(value: unknown): CallEvent[] {
  const parsed = cdrMessage.safeParse(value);
  if (!parsed.success) throw malformed();
  const cdr = parsed.data;
  const ref: CallRef = { ...(readUserData(cdr.UUI) ?? readUserData(cdr.Uui)), providerCallId: plainId(cdr.SessionId) };
  if (cdr.Direction !== outbound) return [unrecognized(ref, `direction-${word(String(cdr.Direction))}`)];
  const agent = (cdr.ServeParticipants ?? []).toSorted((x, y) => (x.Sequence ?? 0) - (y.Sequence ?? 0))[0];
  const steps = [
    ["a", "calling", cdr.StartTimestamp],
    ["a", "ringing", agent?.RingTimestamp],
    ["a", "answered", agent?.AcceptTimestamp],
    ["b", "ringing", cdr.RingTimestamp],
    ["b", "answered", cdr.AcceptTimestamp],
  ] as const;
  const at = cdr.EndedTimestamp;
  const whole = endWord(cdr.EndStatus, cdr.EndStatusString);
  // That only calls which are over are listed is not said.
  const isOver = at !== null || whole !== "none";
  const shared = { ref, authority: isOver ? 4 : 2 } as const;
  const events: CallEvent[] = [];
  for (const [leg, kind, at] of steps) if (at) events.push({ ...shared, kind, leg, at });
  if (cdr.AcceptTimestamp) events.push({ ...shared, kind: "connected", at: cdr.AcceptTimestamp });
  if (!isOver) return events;
  events.push(...readEnd({ ref, at, authority: at === null ? 1 : 4 }, { cdr, whole, agent }));
  const near = cdr.StartTimestamp ?? at;
  if (near && (cdr.RecordId || cdr.RecordURL || cdr.CustomRecordURL)) {
    events.push({ ...shared, kind: "recording", at, recordingRef: recordingRef(cdr.SessionId, near) });
  }
  events.push({ ...shared, kind: "cdr", at });
  return events;
}

type Cdr = ReturnType<typeof cdrMessage.parse>;
type Participant = NonNullable<Cdr["ServeParticipants"]>[number];

/** A code that nobody knows still ends the call; beside it stands what was not understood. */
function readEnd(
  base: Pick<CallEvent, "ref" | "at" | "authority">,
  { cdr, whole, agent }: { cdr: Cdr; whole: string; agent: Participant | undefined },
): CallEvent[] {
  const missedByAgent = agent !== undefined && !agent.AcceptTimestamp && !cdr.RingTimestamp && !cdr.AcceptTimestamp;
  const own = endWord(null, agent?.EndStatusString);
  // What became of the agent's own leg says more than that the agent did not take it; "ok" says nothing of it.
  const raw = missedByAgent && own !== "ok" && endingOf(own, "a") !== null ? own : whole;
  const told = endingOf(raw, missedByAgent ? "a" : "b");
  const [closeType, cause] = told ?? [255, "NETWORK_ERROR"];
  const end: CallEvent = { ...base, chState: `end-${raw}`.slice(0, 32), kind: "ended", closeType, cause, raw };
  return told ? [end] : [end, { ...unrecognized(base.ref, `end-${raw}`), at: base.at }];
}

/** One for each who took part: the session is the same, and so is what will be fetched. */
function readRecord(value: unknown): CallEvent[] {
  const parsed = recordMessage.safeParse(value);
  if (!parsed.success || !parsed.data.Timestamp) throw malformed();
  const { SessionId, Timestamp: at } = parsed.data;
  const ref = { providerCallId: plainId(SessionId) };
  return [{ ref, at, authority: 3, kind: "recording", recordingRef: recordingRef(SessionId, at) }];
}

function recordingRef(session: string, near: Date): string {
  return `${session}@${near.getTime() / 1_000}`;
}

function unrecognized(ref: CallRef, raw: string): CallEvent {
  return { ref, at: null, authority: 1, kind: "unrecognized", raw };
}

/** In anything longer than a word a number may hide. */
function word(text: string): string {
  return /^([A-Za-z]{1,32}|\d{1,4})$/.test(text) ? text : "other";
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
