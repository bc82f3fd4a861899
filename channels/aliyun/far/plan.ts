/** What a simulated two-way call will do, and when: pure. */
import { wishOf } from "../../kit/far/digits.ts";

export type Ending =
  | "answered"
  | "a-hangs-up"
  | "a-no-answer"
  | "b-no-answer"
  | "a-busy"
  | "b-busy"
  | "a-declined"
  | "b-declined"
  | "b-vacant"
  | "b-malformed";

/** What becomes of the answer to StartBack2BackCall. All but `refused` and `unavailable` run the call. */
export type PlaceAnswer = "normal" | "lost" | "never" | "garbage" | "refused" | "unavailable";

/** A test's wishes for one call, over what the customer's last digit says. */
export interface Script {
  ending?: Ending;
  /** Seconds at speed 1; 10 by default. */
  talkSeconds?: number;
  answer?: PlaceAnswer;
  /** With `refused`: the code, and the HTTP status with which it comes; 200 stands in the body alone. */
  code?: string;
  status?: number;
  /** Real milliseconds before the answer leaves. */
  answerAfterMs?: number;
  /** Instead of the address that the instance has subscribed. */
  notifyUrl?: string;
  /** Whether the instance records this call. */
  recorded?: boolean;
  /** Real milliseconds by which every push is late. */
  lateMs?: number;
  /** Pushes come doubled, the first ringing late, and the first Established never. */
  jumbled?: boolean;
  /** Nothing is pushed after the first ringing. */
  silentAfterRinging?: boolean;
  /** Pushes name another instance. */
  wrongInstance?: boolean;
  /** Pushes are no JSON. */
  garbagePushes?: boolean;
  /** All events of a moment in one list. */
  listed?: boolean;
  /** Its record never appears, nor is its being ready told. */
  losesCdr?: boolean;
}

export interface Play extends Script {
  ending: Ending;
  answer: PlaceAnswer;
}

export function playOf(customer: string, script: Script): Play {
  return { ending: "answered", answer: "normal", ...wishOf(customer), ...script };
}

export type Step = { afterMs: number } & (
  | { name: "dial" | "answer-a" | "establish" }
  | { name: "ring"; leg: "a" | "b" }
  /** Which leg was the reason, and what SIP said to it. */
  | { name: "release"; leg: "a" | "b"; reason: string }
);

const ringMs = 8_000;
const talkSecondsDefault = 10;
const failures = {
  "no-answer": "480 - Temporarily Unavailable",
  busy: "486 - Busy Here",
  declined: "603 - Decline",
  vacant: "404 - Not Found",
  malformed: "484 - Address Incomplete",
};

/** Milliseconds after acceptance, at speed 1. */
export function planOf({ ending, talkSeconds }: Pick<Play, "ending" | "talkSeconds">, timeoutSeconds: number): Step[] {
  const dial: Step = { afterMs: 0, name: "dial" };
  const aRings: Step[] = [dial, { afterMs: 300, name: "ring", leg: "a" }];
  const aAnswers: Step[] = [...aRings, { afterMs: 2_000, name: "answer-a" }];
  const bRings: Step[] = [...aAnswers, { afterMs: 2_500, name: "ring", leg: "b" }];
  const ringing = Math.min(ringMs, timeoutSeconds * 1_000);
  const fails = (afterMs: number, leg: "a" | "b", why: keyof typeof failures): Step => {
    return { afterMs, name: "release", leg, reason: failures[why] };
  };
  switch (ending) {
    case "a-busy":
      return [dial, fails(600, "a", "busy")];
    case "a-no-answer":
      return [...aRings, fails(300 + ringing, "a", "no-answer")];
    case "a-declined":
      return [...aRings, fails(1_800, "a", "declined")];
    case "b-busy":
      return [...aAnswers, fails(2_900, "b", "busy")];
    case "b-no-answer":
      return [...bRings, fails(2_500 + ringing, "b", "no-answer")];
    case "b-declined":
      return [...bRings, fails(4_000, "b", "declined")];
    case "b-vacant":
      return [...aAnswers, fails(2_600, "b", "vacant")];
    case "b-malformed":
      return [...aAnswers, fails(2_600, "b", "malformed")];
    // Whoever hangs up is told by the order of the two releases.
    case "a-hangs-up":
    case "answered": {
      const over = 5_000 + 1_000 * (talkSeconds ?? talkSecondsDefault);
      const release: Step = {
        afterMs: over,
        name: "release",
        leg: ending === "answered" ? "b" : "a",
        reason: "200 - Okay",
      };
      return [...bRings, { afterMs: 5_000, name: "establish" }, release];
    }
  }
}
