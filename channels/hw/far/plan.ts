/** What a simulated two-way call will do, and when: pure. */

export const endings = [
  "answered",
  "a-hangs-up",
  "a-no-answer",
  "b-no-answer",
  "a-failed",
  "b-failed",
  "b-declined",
  "start-failed",
] as const;
export type Ending = (typeof endings)[number];

/** What becomes of the answer to createCall. All but `refused` and `unavailable` run the call. */
export type PlaceAnswer = "normal" | "lost" | "never" | "garbage" | "refused" | "unavailable";

/** A test's wishes for one call, over what the customer's last digit says. */
export interface Script {
  ending?: Ending;
  /** Seconds at speed 1; 10 by default. */
  talkSeconds?: number;
  answer?: PlaceAnswer;
  /** Real milliseconds before the answer leaves. */
  answerAfterMs?: number;
  /** Real milliseconds between a call's end and its record's appearance in the list. */
  cdrLateMs?: number;
  /** Its record never appears. */
  losesCdr?: boolean;
  /** Its record is late, and listed twice. */
  jumbled?: boolean;
  /** With which retCode it is refused. */
  retCode?: string;
  /** With which reasonCode it ends, whatever happened. */
  reasonCode?: number;
}

export interface Play extends Script {
  ending: Ending;
  answer: PlaceAnswer;
}

const digits: Record<string, Script> = {
  "1": { ending: "a-no-answer" },
  "2": { ending: "b-no-answer" },
  "3": { ending: "a-failed" },
  "4": { ending: "b-failed" },
  "5": { ending: "b-declined" },
  "6": { answer: "refused" },
  "7": { answer: "lost" },
  "8": { answer: "unavailable" },
  "9": { jumbled: true },
};

export function playOf(customer: string, answersAll: boolean, script: Script): Play {
  const obeyed = answersAll ? {} : (digits[customer.slice(-1)] ?? {});
  return { ending: "answered", answer: "normal", ...obeyed, ...script };
}

export interface Step {
  /** Milliseconds after acceptance, at speed 1. */
  afterMs: number;
  event: "calling" | "ringing" | "answered" | "ended";
  leg: "a" | "b" | null;
  reasonCode: number | null;
}

const ringMs = 8_000;
const talkSecondsDefault = 10;

export function planOf(play: Pick<Play, "ending" | "talkSeconds">): Step[] {
  const step = (afterMs: number, event: Step["event"], leg: "a" | "b"): Step => ({
    afterMs,
    event,
    leg,
    reasonCode: null,
  });
  const end = (afterMs: number, reasonCode: number): Step => ({ afterMs, event: "ended", leg: null, reasonCode });
  const aCalled = step(100, "calling", "a");
  const aRings = [aCalled, step(300, "ringing", "a")];
  const bCalled = [...aRings, step(2_000, "answered", "a"), step(2_000, "calling", "b")];
  const bRings = [...bCalled, step(2_500, "ringing", "b")];
  switch (play.ending) {
    case "start-failed":
      return [end(100, 6)];
    case "a-failed":
      return [aCalled, end(600, 2)];
    case "a-no-answer":
      return [...aRings, end(300 + ringMs, 4)];
    case "b-failed":
      return [...bCalled, end(2_900, 3)];
    case "b-declined":
      return [...bRings, end(4_000, 3)];
    case "b-no-answer":
      return [...bRings, end(2_500 + ringMs, 5)];
    case "a-hangs-up":
    case "answered": {
      const over = 5_000 + 1_000 * (play.talkSeconds ?? talkSecondsDefault);
      return [...bRings, step(5_000, "answered", "b"), end(over, play.ending === "answered" ? 0 : 1)];
    }
    default:
      return play.ending satisfies never;
  }
}
