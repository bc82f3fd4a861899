import type { EndReason, StreamKind } from "./listener.ts";

export const streamLimits = {
  listenersMax: 10_000,
  tenantListenersMax: 2_000,
  /** Messages kept for those who are a little behind, some 700 bytes each. */
  recentMax: 8_192,
  pageMax: 500,
  /** Who is further behind begins anew. */
  replayMax: 50_000,
  replaysAtOnce: 4,
  /** A connection that takes nothing for so long is cut. */
  slowMs: 20_000,
  beatMs: 25_000,
  /** Without listeners the feed is read on for so long, since desks that were cut come back. */
  idleMs: 60_000,
  /** Changes that come close together are read together. */
  gatherMs: 10,
};
export type StreamLimits = typeof streamLimits;

/** What the streams of this process are and did. */
export interface StreamCounts {
  open: Record<StreamKind, number>;
  ended: Record<EndReason, number>;
  resets: number;
  messages: number;
}

export function noStreams(): StreamCounts {
  const ended = { left: 0, stopping: 0, slow: 0, revoked: 0, failed: 0 };
  return { open: { ws: 0, sse: 0 }, ended, resets: 0, messages: 0 };
}
