/** What a simulated call will do, and when: pure. */
import { wishOf } from "../../kit/far/digits.ts";

export const endings = [
  "answered",
  "a-no-answer",
  "b-no-answer",
  "a-busy",
  "b-busy",
  "a-declined",
  "b-declined",
  "b-vacant",
  "b-malformed",
  "no-capacity",
] as const;
export type Ending = (typeof endings)[number];

/** What becomes of the answer to a request that places a call. All but `refused` and `unavailable` run the call. */
export type PlaceAnswer = "normal" | "lost" | "never" | "garbage" | "refused" | "unavailable";

/** A test's wishes for one call, over what the number's last digit says. */
export interface Script {
  ending?: Ending;
  /** Seconds at speed 1; 10 by default. */
  talkSeconds?: number;
  answer?: PlaceAnswer;
  /** Real milliseconds before the answer leaves. */
  answerAfterMs?: number;
  /** Real milliseconds by which every push is late. */
  lateMs?: number;
  /** Every push carries a signature that does not fit. */
  wrongSignature?: boolean;
  /** Half a call: after A rings nobody is told anything, by push, state or feed. */
  silentAfterRinging?: boolean;
  /** Neither the hang-up nor the CDR is pushed; states and the feed know both. */
  losesFinal?: boolean;
  /** Pushes come doubled and disordered, and B's ringing is never pushed; the feed is doubled. */
  jumbled?: boolean;
}

export interface Play extends Script {
  ending: Ending;
  answer: PlaceAnswer;
}

export function playOf(customer: string, answersAll: boolean, script: Script): Play {
  const obeyed = answersAll ? {} : wishOf(customer);
  return { ending: "answered", answer: "normal", ...obeyed, ...script };
}

export type StepName = "calling" | "ringing" | "answered" | "hangup";
export interface Step {
  /** Milliseconds after acceptance, at speed 1. */
  afterMs: number;
  event: StepName;
  leg: "a" | "b" | null;
  code: string | null;
}

const ringSecondsMax = 8;
const talkSecondsDefault = 10;

export function planOf(
  play: Pick<Play, "ending" | "talkSeconds">,
  limits: { ringTimeoutSeconds: number; maxDurationSeconds: number },
): Step[] {
  const ringMs = Math.min(limits.ringTimeoutSeconds, ringSecondsMax) * 1_000;
  const talkSeconds = play.talkSeconds ?? talkSecondsDefault;
  const cut = talkSeconds > limits.maxDurationSeconds;
  const talkMs = Math.min(talkSeconds, limits.maxDurationSeconds) * 1_000;

  const step = (afterMs: number, event: StepName, leg: "a" | "b"): Step => ({ afterMs, event, leg, code: null });
  const hangup = (afterMs: number, code: string): Step => ({ afterMs, event: "hangup", leg: null, code });
  const aCalled = step(0, "calling", "a");
  const aRings = [aCalled, step(300, "ringing", "a")];
  const bCalled = [...aRings, step(2_000, "answered", "a"), step(2_000, "calling", "b")];
  const bRings = [...bCalled, step(2_500, "ringing", "b")];

  switch (play.ending) {
    case "no-capacity":
      return [hangup(100, "no-capacity")];
    case "a-busy":
      return [aCalled, hangup(600, "a-busy")];
    case "a-no-answer":
      return [...aRings, hangup(300 + ringMs, "a-no-answer")];
    case "a-declined":
      return [...aRings, hangup(1_800, "a-declined")];
    case "b-vacant":
    case "b-malformed":
      return [...bCalled, hangup(2_600, play.ending)];
    case "b-busy":
      return [...bCalled, hangup(2_900, "b-busy")];
    case "b-no-answer":
      return [...bRings, hangup(2_500 + ringMs, "b-no-answer")];
    case "b-declined":
      return [...bRings, hangup(4_000, "b-declined")];
    case "answered":
      return [...bRings, step(5_000, "answered", "b"), hangup(5_000 + talkMs, cut ? "max-duration" : "completed")];
  }
}
