import type { Scope } from "./audience.ts";

/** Why a stream ended. `slow`: it did not read what it was sent; it resumes by its cursor. */
export const endReasons = ["left", "stopping", "slow", "revoked", "failed"] as const;
export type EndReason = (typeof endReasons)[number];
export const streamKinds = ["ws", "sse"] as const;
export type StreamKind = (typeof streamKinds)[number];

/** One connection, of whichever kind. Nothing here waits: what does not fit is not given. */
export interface Sink {
  /** Takes the message; false when it is full now and says so once it has `drained`. */
  write(text: string, cursor: string): boolean;
  /** A sign of life that is no message. */
  ping(): void;
  end(reason: EndReason): void;
}

/** A place at the hub. Whoever took it must say that it has `left`. */
export interface Listener {
  /** The connection stands: from here on it is written to. */
  attach(sink: Sink): void;
  drained(): void;
  left(): void;
}

/** A listener as the hub sees it. */
export interface Member extends Scope {
  kind: StreamKind;
  keyId: string;
  since: number;
  sink: Sink | null;
  over: boolean;
  /** The number of the first frame that it was not told of; null while it is told of each as it comes. */
  next: number | null;
  /** Frames up to this cursor were told by another instance, and are yet to come here. */
  toldUpTo: string | null;
  /** Epoch milliseconds since when it takes no more; null while it does. */
  fullSince: number | null;
  /** Resolves who waits for room: a replay. */
  roomMade: (() => void) | null;
}

export function newMember(scope: Scope, keyId: string, kind: StreamKind, since: number): Member {
  const untold = { next: null, toldUpTo: null, fullSince: null, roomMade: null };
  return { tenant: scope.tenant, userId: scope.userId, kind, keyId, since, sink: null, over: false, ...untold };
}

/**
 * Writes; false when no more fits now. A connection that breaks under the write takes nothing either, and is cut for
 * it: its fault must not reach the others, who are told in the same breath.
 */
export function put(member: Member, text: string, cursor: string, now: number): boolean {
  let more = false;
  try {
    more = member.sink?.write(text, cursor) ?? false;
  } catch {
    more = false;
  }
  member.fullSince = more ? null : now;
  return more;
}

export function pingSink(member: Member): void {
  try {
    member.sink?.ping();
  } catch {
    // The next message finds out.
  }
}

export function endSink(member: Member, reason: EndReason): void {
  try {
    member.sink?.end(reason);
  } catch {
    // It has ended by itself.
  }
}

/** Resolves once a full listener takes more, or is over. */
export function room(member: Member): Promise<void> {
  if (member.over || member.fullSince === null) return Promise.resolve();
  return new Promise((made) => {
    member.roomMade = made;
  });
}
