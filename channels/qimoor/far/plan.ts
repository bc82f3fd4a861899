/** What a simulated call will do, and when: pure. */

export type Ending = "answered" | "a-no-answer" | "b-no-answer" | "a-busy" | "b-declined";

/** What becomes of the answer to a request that places a call. All but `refused` and `unavailable` run the call. */
export type PlaceAnswer = "normal" | "lost" | "never" | "garbage" | "refused" | "unavailable";

/** A test's wishes for one call, over what the number's last digit says. */
export interface Script {
  ending?: Ending;
  /** Seconds at speed 1; 10 by default. */
  talkSeconds?: number;
  answer?: PlaceAnswer;
  /** With `refused`; "401PBXnotfound" by default. */
  message?: string;
  /** Real milliseconds before the answer leaves. */
  answerAfterMs?: number;
  /** Instead of the call's own `State`. */
  state?: string;
  /** Instead of the address that the account has entered. */
  notifyUrl?: string;
  /** Pushes name another account. */
  wrongAccount?: boolean;
  /** Half a call: after the first event nobody is told anything, though there is a record. */
  silent?: boolean;
  /** Events come doubled, Hangup before Link, and Ringing never. */
  jumbled?: boolean;
  /** No record is made of it. */
  unrecorded?: boolean;
}

export interface Play extends Script {
  ending: Ending;
  answer: PlaceAnswer;
}

/** There is no word for busy or declined: such calls are unanswered ones. */
const digits: Record<string, Script> = {
  "1": { ending: "a-no-answer" },
  "2": { ending: "b-no-answer" },
  "3": { ending: "a-busy" },
  "4": { ending: "b-declined" },
  "5": { ending: "b-declined" },
  "6": { answer: "refused" },
  "7": { answer: "lost" },
  "8": { answer: "unavailable" },
  "9": { jumbled: true },
};

export function playOf(customer: string, script: Script): Play {
  return { ending: "answered", answer: "normal", ...digits[customer.slice(-1)], ...script };
}

export type StepName = "ring" | "ring-a" | "answer-a" | "ringing" | "link" | "hangup";
export interface Step {
  /** Milliseconds after acceptance, at speed 1. */
  afterMs: number;
  name: StepName;
}

const ringMs = 8_000;
const talkSecondsDefault = 10;

export function planOf({ ending, talkSeconds = talkSecondsDefault }: Pick<Play, "ending" | "talkSeconds">): Step[] {
  const step = (afterMs: number, name: StepName): Step => ({ afterMs, name });
  const aRings = [step(50, "ring"), step(300, "ring-a")];
  const bRings = [...aRings, step(2_000, "answer-a"), step(2_500, "ringing")];
  switch (ending) {
    case "a-busy":
      return [step(50, "ring"), step(600, "hangup")];
    case "a-no-answer":
      return [...aRings, step(300 + ringMs, "hangup")];
    case "b-declined":
      return [...bRings, step(4_000, "hangup")];
    case "b-no-answer":
      return [...bRings, step(2_500 + ringMs, "hangup")];
    case "answered":
      return [...bRings, step(5_000, "link"), step(5_000 + 1_000 * talkSeconds, "hangup")];
    default:
      return ending satisfies never;
  }
}
