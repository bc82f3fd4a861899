/** What ends a request before its time: its deadline, or whoever asked for it and gives up. */
import { GuardError } from "./error.ts";

export interface Fuse {
  /** Called once when time is up or the caller gives up; not when all went well. */
  burnt: ((error: GuardError) => void) | null;
  race<T>(work: Promise<T> | T): Promise<T>;
  stop(): void;
}

export type Aborts = (signal: AbortSignal) => Set<() => void>;

/** Who is to be told of an abort. A signal that lives as long as the service has one listener, not one a request. */
export function createAborts(): Aborts {
  const all = new WeakMap<AbortSignal, Set<() => void>>();
  return (signal) => {
    const known = all.get(signal);
    if (known !== undefined) return known;
    const told = new Set<() => void>();
    all.set(signal, told);
    signal.addEventListener(
      "abort",
      () => {
        for (const tell of told) tell();
      },
      { once: true },
    );
    return told;
  };
}

export function light(aborts: Aborts, outer: AbortSignal, deadlineMs: number | null): Fuse {
  let over: GuardError | null = null;
  const end = (error: GuardError): void => {
    over = error;
    fuse.burnt?.(error);
  };
  const abort = (): void => end(new GuardError("aborted"));
  const told = aborts(outer);
  told.add(abort);
  const timer = deadlineMs === null ? undefined : setTimeout(() => end(new GuardError("timeout")), deadlineMs);
  const fuse: Fuse = {
    burnt: null,
    race: (work) =>
      new Promise((done, failed) => {
        // Cleared before the promise settles: whoever goes on from it sets its own.
        const settle = <V>(how: (value: V) => void, value: V): void => {
          fuse.burnt = null;
          how(value);
        };
        fuse.burnt = (error) => settle(failed, error);
        Promise.resolve(work).then(
          (value) => (over === null ? settle(done, value) : settle(failed, over)),
          (error) => settle(failed, error),
        );
      }),
    stop() {
      clearTimeout(timer);
      told.delete(abort);
    },
  };
  return fuse;
}
