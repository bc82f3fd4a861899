import { compareCursors } from "../outbox/feed.ts";
import type { Frame } from "./frame.ts";

/**
 * The last frames of this process, of all tenants, numbered as they came. Whoever is a little behind, a desk that
 * reconnects or one whose connection is full, reads on here instead of in the database, and nobody needs a buffer.
 */
export interface Recent {
  /** The numbers of the oldest frame that is kept and of the next one to come. */
  readonly first: number;
  readonly end: number;
  /** The cursor before the oldest frame: who has read so far finds all that follows here. */
  readonly horizon: string;
  push(frame: Frame): void;
  at(number: number): Frame | undefined;
  /** The number of the first frame behind a cursor that is not before the horizon. */
  after(cursor: string): number;
  /** Forgets everything; what comes next follows this cursor. */
  begin(horizon: string): void;
}

export function createRecent(framesMax: number): Recent {
  let frames: Frame[] = [];
  let first = 0;
  let horizon = "";
  // Cut in pieces: to move the whole list for each frame would cost more than the frame.
  const slack = Math.max(1, framesMax >> 2);
  return {
    get first() {
      return first;
    },
    get end() {
      return first + frames.length;
    },
    get horizon() {
      return horizon;
    },
    push(frame) {
      frames.push(frame);
      if (frames.length < framesMax + slack) return;
      const gone = frames.splice(0, frames.length - framesMax);
      first += gone.length;
      horizon = gone.at(-1)?.cursor ?? horizon;
    },
    at: (number) => frames[number - first],
    after(cursor) {
      let [low, high] = [0, frames.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        const isBehind = (compareCursors(frames[middle]?.cursor ?? "", cursor) ?? 1) > 0;
        if (isBehind) high = middle;
        else low = middle + 1;
      }
      return first + low;
    },
    begin(from) {
      first += frames.length;
      frames = [];
      horizon = from;
    },
  };
}
