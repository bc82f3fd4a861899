import type { CloseType, HangupCause } from "../../channels/contract.ts";
import type { FactValue } from "./fact.ts";
import { endingOfRefusal, statusOfUnanswered } from "./hangup.ts";
import type { Merge, Winner } from "./merge.ts";

export const liveStatuses = ["pending", "calling", "ringing", "connected"] as const;
export const finalStatuses = ["ended", "missed", "rejected", "busy", "failed"] as const;
export type LiveStatus = (typeof liveStatuses)[number];
export type FinalStatus = (typeof finalStatuses)[number];
export type CallStatus = LiveStatus | FinalStatus;
export type CallState = "init" | "conn" | "close";

/** What the dial fixed about a call, as far as its record depends on it. */
export interface CallTerms {
  ringTimeoutSeconds: number;
  maxDurationSeconds: number;
  /** Epoch milliseconds. */
  createdAt: number;
}

/** Everything in a record that follows from its facts. Times are epoch milliseconds. */
export interface Projection {
  state: CallState;
  status: CallStatus;
  answered: boolean;
  closeType: CloseType | null;
  hangupCause: HangupCause | null;
  hangupCode: string | null;
  attempt: number | null;
  lineId: number | null;
  channel: string | null;
  shownNumber: { masked: string; sealed: string; index: string } | null;
  providerCallId: string | null;
  providerJobId: string | null;
  chState: string | null;
  aCallTime: number | null;
  bCallTime: number | null;
  aRingTime: number | null;
  bRingTime: number | null;
  aOffhookTime: number | null;
  bOffhookTime: number | null;
  connTime: number | null;
  closeTime: number | null;
  /** Whole seconds from `connTime`; null while the call is not over. */
  duration: number | null;
  ringDuration: number;
  hasRecording: boolean;
  recordingRef: string | null;
  recordingDuration: number | null;
  recordingSize: number | null;
  cost: string | null;
  costCurrency: string | null;
  /** The provider's CDR has come. */
  hasCdr: boolean;
  /** Nothing better will come: the CDR is here, or the time to wait for one is over. */
  finalized: boolean;
  /** When a closed call without a CDR counts as final; null before, and once it does. */
  finalizeDue: number | null;
  /** Names of times that were estimated from the arrival of the news. */
  estimated: string[];
  /** Two attempts reached a phone: must never be, raises an alarm. */
  doubled: boolean;
  /** While it waits for a line: when it is given up. */
  queuedUntil: number | null;
  /** When the call is closed whatever we heard; null once it is. */
  latestEnd: number | null;
}

const graceAfterMaximumMs = 300_000;
/** Providers write a CDR seconds to minutes after the end. */
const waitForCdrMs = 900_000;
const graceReliableMs = 120_000;

/** Pure: the record that follows from a merge. */
export function project(merge: Merge, terms: CallTerms): Projection {
  const attempts = [...new Set(Object.keys(merge).map((key) => Number(key.split(".")[0])))].filter((n) => n > 0);
  attempts.sort((one, other) => one - other);
  const deciding = decide(merge, attempts);
  const get = (field: string): Winner | undefined => (deciding === null ? undefined : merge[`${deciding}.${field}`]);
  const answer = get("connected") ?? get("b.answered");
  const connTime = connectedAt(get);
  const ending = endingOf(merge, get, answer !== undefined);
  const closeTime = ending?.at ?? null;
  const sent = get("sent")?.[3];
  const placed = get("placed")?.[3];
  const recording = get("recording")?.[3];
  const cost = get("cost")?.[3];
  const finalized = ending !== null && (get("cdr") !== undefined || merge["0.finalized"] !== undefined);
  const bRing = get("b.ringing")?.[1] ?? null;
  const ringEnd = get("b.answered")?.[1] ?? closeTime;
  return {
    state: ending !== null ? "close" : answer !== undefined ? "conn" : "init",
    status: statusOf(get, ending, answer !== undefined),
    answered: answer !== undefined,
    closeType: ending?.closeType ?? null,
    hangupCause: ending?.cause ?? null,
    hangupCode: ending?.raw ?? null,
    attempt: deciding,
    lineId: sent?.lineId ?? null,
    channel: sent?.channel ?? null,
    shownNumber: sent?.shownNumber ?? null,
    providerCallId: placed?.providerCallId ?? null,
    providerJobId: placed?.providerJobId ?? null,
    chState: get("state")?.[3].chState ?? null,
    aCallTime: get("a.calling")?.[1] ?? null,
    bCallTime: get("b.calling")?.[1] ?? null,
    aRingTime: get("a.ringing")?.[1] ?? null,
    bRingTime: bRing,
    aOffhookTime: get("a.answered")?.[1] ?? null,
    bOffhookTime: get("b.answered")?.[1] ?? null,
    connTime,
    closeTime,
    duration: closeTime === null ? null : wholeSeconds(connTime, closeTime),
    ringDuration: wholeSeconds(bRing, ringEnd),
    hasRecording: recording !== undefined,
    recordingRef: recording?.recordingRef ?? null,
    recordingDuration: recording?.durationSeconds ?? null,
    recordingSize: recording?.sizeBytes ?? null,
    cost: cost?.amount ?? null,
    costCurrency: cost?.currency ?? null,
    hasCdr: get("cdr") !== undefined,
    finalized,
    finalizeDue: ending === null || finalized ? null : ending.at + waitForCdrMs,
    estimated: timeFields.filter((field) => (get(field)?.[0] ?? 9) <= 1),
    doubled: attempts.filter((attempt) => rank(merge, attempt) >= rankOf["a.ringing"]).length > 1,
    queuedUntil: ending !== null || attempts.length > 0 ? null : (merge["0.queued"]?.[3].until ?? null),
    latestEnd: ending !== null ? null : latestEnd(merge, attempts, terms, connTime),
  };
}

const timeFields = [
  "a.calling",
  "a.ringing",
  "a.answered",
  "b.calling",
  "b.ringing",
  "b.answered",
  "connected",
  "ended",
];
const rankOf = { "b.answered": 7, "b.ringing": 6, "a.answered": 5, "a.ringing": 4, placed: 3, unknown: 2, refused: 1 };

/** The attempt with the furthest fact; of equals the earlier. */
function decide(merge: Merge, attempts: readonly number[]): number | null {
  let best: number | null = null;
  let bestRank = 0;
  for (const attempt of attempts) {
    const reached = rank(merge, attempt);
    if (reached > bestRank) [best, bestRank] = [attempt, reached];
  }
  return best;
}

function rank(merge: Merge, attempt: number): number {
  const has = (field: string): boolean => merge[`${attempt}.${field}`] !== undefined;
  if (has("b.answered") || has("connected")) return rankOf["b.answered"];
  if (has("b.ringing")) return rankOf["b.ringing"];
  if (has("a.answered")) return rankOf["a.answered"];
  if (has("a.ringing")) return rankOf["a.ringing"];
  // Taken first and refused then: its provider has proved that it dialed nobody, and the call has gone on.
  if (has("placed") && has("refused")) return rankOf.refused;
  if (["placed", "a.calling", "b.calling", "ended", "cdr"].some(has)) return rankOf.placed;
  if (has("refused") || has("absent")) return rankOf.refused;
  return has("sent") || has("unknown") ? rankOf.unknown : 0;
}

/** Both talk from B's answer on, or from A's where a provider lets A answer last. */
function connectedAt(get: (field: string) => Winner | undefined): number | null {
  const said = get("connected");
  const b = get("b.answered");
  // What is said outright counts for as much as its source: a CDR's answer beats a guess at the conversation.
  if (said !== undefined && (b === undefined || said[0] >= b[0])) return said[1];
  if (b === undefined) return null;
  return Math.max(b[1], get("a.answered")?.[1] ?? b[1]);
}

interface Ending {
  at: number;
  closeType: CloseType;
  cause: HangupCause;
  raw: string | null;
}

function endingOf(merge: Merge, get: (field: string) => Winner | undefined, answered: boolean): Ending | null {
  const ended = get("ended");
  if (ended !== undefined) {
    const asked = merge["0.hangup-asked"];
    const told: FactValue = ended[3];
    const byApp = !answered && asked !== undefined && ended[1] >= asked[1];
    const ending = {
      at: ended[1],
      closeType: told.closeType ?? 255,
      cause: told.cause ?? "TIMEOUT",
      raw: told.raw ?? null,
    };
    if (byApp) return { ...ending, closeType: 0, cause: "NORMAL_CLEARING" };
    // A person who answered was not busy or away, whatever a lesser source says of the end.
    const impossible = answered && ending.closeType >= 1 && ending.closeType <= 4;
    return impossible ? { ...ending, closeType: 0, cause: "NORMAL_CLEARING" } : ending;
  }
  const exhausted = merge["0.exhausted"];
  const refused = get("refused");
  if (exhausted !== undefined && merge["0.hangup-asked"] !== undefined && !answered)
    return { at: exhausted[1], closeType: 0, cause: "NORMAL_CLEARING", raw: null };
  if (exhausted !== undefined && refused !== undefined && !answered) {
    const told = refused[3];
    const ending = endingOfRefusal(told.errorKind ?? "refused", told.errorCause ?? "other");
    return { at: exhausted[1], ...ending, raw: told.raw ?? null };
  }
  const last = merge["0.given-up"] ?? exhausted;
  return last === undefined ? null : { at: last[1], closeType: 255, cause: "TIMEOUT", raw: null };
}

function statusOf(get: (field: string) => Winner | undefined, ending: Ending | null, answered: boolean): CallStatus {
  if (ending !== null) return answered ? "ended" : statusOfUnanswered(ending.cause);
  if (answered) return "connected";
  if (get("a.ringing") ?? get("b.ringing") ?? get("a.answered")) return "ringing";
  return get("sent") === undefined ? "pending" : "calling";
}

function wholeSeconds(from: number | null, to: number | null): number {
  return from === null || to === null ? 0 : Math.max(0, Math.floor((to - from) / 1000));
}

/** When we stop waiting for news: see rule 4 of the product page. */
function latestEnd(merge: Merge, attempts: readonly number[], terms: CallTerms, connTime: number | null): number {
  const maximumMs = terms.maxDurationSeconds * 1000;
  if (connTime !== null) return connTime + maximumMs + graceAfterMaximumMs;
  let latest = Math.max(terms.createdAt, merge["0.queued"]?.[3].until ?? 0);
  let reliable = true;
  for (const attempt of attempts) {
    const sent = merge[`${attempt}.sent`];
    if (sent === undefined) continue;
    latest = Math.max(latest, sent[1]);
    if (sent[3].live !== "reliable") reliable = false;
  }
  return latest + (reliable ? 2 * terms.ringTimeoutSeconds * 1000 + graceReliableMs : maximumMs + graceAfterMaximumMs);
}
