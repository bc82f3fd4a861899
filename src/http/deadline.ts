/** For how long what begins shares its signal with what began before. */
const sharedMs = 100;

/**
 * Signals that abort after `ms`, or at most 0.1 s sooner. Much that begins at the same time has one between it: a
 * timer of each push's own would outlive it by thousands of others.
 */
export function createDeadline(ms: number): () => AbortSignal {
  let shared: AbortSignal | null = null;
  return () => {
    if (shared === null) {
      shared = AbortSignal.timeout(ms);
      setTimeout(() => {
        shared = null;
      }, sharedMs).unref();
    }
    return shared;
  };
}
