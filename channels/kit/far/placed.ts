/** What becomes of the yes to a request that placed a call. */
import { type Answer, page } from "./answer.ts";
import type { Timers } from "./timers.ts";

export interface PlacedPlay {
  /** `lost` and `never` are the answer's own; `garbage` is a page that holds the customer's number. */
  answer: string;
  /** Milliseconds before the answer leaves. */
  answerAfterMs?: number;
}

export function answerPlaced(
  { answer, answerAfterMs = 0 }: PlacedPlay,
  yes: Answer,
  customer: string,
  timers: Timers,
): Answer | Promise<Answer> {
  const left = answer === "lost" || answer === "never" ? answer : yes;
  const written = answer === "garbage" ? page(200, `${customer} accepted`) : left;
  return answerAfterMs === 0 ? written : timers.pause(answerAfterMs).then(() => written);
}
