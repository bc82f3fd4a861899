/** What a simulated call will do, and when: pure. */
import { wishOf } from "../../kit/far/digits.ts";

export type Ending =
  | "answered"
  | "a-no-answer"
  | "b-no-answer"
  | "a-busy"
  | "b-busy"
  | "a-declined"
  | "b-declined"
  | "b-vacant"
  | "b-malformed";

/** What becomes of the answer to a request that places a call. All but `refused` and `unavailable` run the call. */
export type PlaceAnswer = "normal" | "lost" | "refused" | "unavailable";

/** A test's wishes for one call, over what the number's last digit says. */
export interface Script {
  ending?: Ending;
  /** Seconds at speed 1; 10 by default. */
  talkSeconds?: number;
  answer?: PlaceAnswer;
  /** With `refused`; 3001 by default. */
  code?: number;
  /** The hang-up and the record are never pushed; whoever asks is told. */
  losesFinal?: boolean;
  /** Pushes come doubled and disordered, and B's answer never by itself. */
  jumbled?: boolean;
  /** Every push carries a proof that does not fit. */
  wrongProof?: boolean;
}
export interface Play extends Script {
  ending: Ending;
  answer: PlaceAnswer;
}

export function playOf(customer: string, script: Script): Play {
  return { ending: "answered", answer: "normal", ...wishOf(customer), ...script };
}

export type StepName = "calling" | "ringing" | "answered" | "hangup";
export interface Step {
  /** Milliseconds after acceptance, at speed 1. */
  afterMs: number;
  event: StepName;
  leg: "a" | "b" | null;
  reason: string | null;
}

const ringMs = 8_000;
const talkSecondsDefault = 10;

export function planOf(
  { ending, talkSeconds = talkSecondsDefault }: Pick<Play, "ending" | "talkSeconds">,
  maxSeconds: number,
): Step[] {
  const cut = talkSeconds > maxSeconds;
  const talkMs = Math.min(talkSeconds, maxSeconds) * 1_000;
  const step = (afterMs: number, event: StepName, leg: "a" | "b"): Step => ({ afterMs, event, leg, reason: null });
  const hangup = (afterMs: number, reason: string): Step => ({ afterMs, event: "hangup", leg: null, reason });
  const aCalled = step(0, "calling", "a");
  const aRings = [aCalled, step(300, "ringing", "a")];
  const bCalled = [...aRings, step(2_000, "answered", "a"), step(2_000, "calling", "b")];
  const bRings = [...bCalled, step(2_500, "ringing", "b")];

  switch (ending) {
    case "a-busy":
      return [aCalled, hangup(600, "a-busy")];
    case "a-no-answer":
      return [...aRings, hangup(300 + ringMs, "a-no-answer")];
    case "a-declined":
      return [...aRings, hangup(1_800, "a-declined")];
    case "b-vacant":
    case "b-malformed":
      return [...bCalled, hangup(2_600, ending)];
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
