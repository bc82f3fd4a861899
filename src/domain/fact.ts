import { createHash } from "node:crypto";
import type {
  Authority,
  CallEventKind,
  CloseType,
  ErrorCause,
  ErrorKind,
  HangupCause,
  Leg,
} from "../../channels/contract.ts";

/** What we know by ourselves, beside what providers tell. Facts about the whole call carry attempt 0. */
export const ownFactKinds = [
  "queued",
  "sent",
  "placed",
  "refused",
  "unknown",
  "absent",
  "hangup-asked",
  "exhausted",
  "given-up",
  "finalized",
] as const;
export type FactKind = CallEventKind | (typeof ownFactKinds)[number];

/** Whatever a fact carries beside its time; which keys stand there depends on its kind. JSON-safe. */
export interface FactValue {
  lineId?: number;
  channel?: string;
  shownNumber?: { masked: string; sealed: string; index: string } | null;
  live?: "reliable" | "lossy" | "none";
  providerCallId?: string;
  providerJobId?: string | null;
  errorKind?: ErrorKind;
  errorCause?: ErrorCause;
  closeType?: CloseType;
  cause?: HangupCause;
  raw?: string;
  chState?: string;
  /** Sealed; what the adapter's `openRecording` takes. */
  recordingRef?: string;
  durationSeconds?: number;
  sizeBytes?: number;
  /** Epoch milliseconds. */
  until?: number;
  amount?: string;
  currency?: string;
}

/** One normalized fact of one call, ready to be merged. */
export interface Fact {
  attempt: number;
  kind: FactKind;
  leg: Leg | null;
  /** Epoch milliseconds. */
  at: number;
  authority: Authority;
  value: FactValue;
  /** Identity: the same fact told twice has the same hash. */
  hash: string;
}

/** Facts with the same content have the same hash, in whatever order their keys were written. */
export function fact(content: Omit<Fact, "hash">): Fact {
  const { attempt, kind, leg, at, authority, value } = content;
  const canonical = JSON.stringify([attempt, kind, leg, at, authority, canonicalValue(value)]);
  return { ...content, hash: createHash("sha256").update(canonical).digest("base64url").slice(0, 22) };
}

function canonicalValue(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  return Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, inner]) => [key, canonicalValue(inner)]);
}
