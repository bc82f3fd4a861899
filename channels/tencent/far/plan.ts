/** What a simulated call will do, and when: pure. */
import { wishOf } from "../../kit/far/digits.ts";

export const endings = [
  "answered",
  "a-hangs-up",
  "a-no-answer",
  "a-busy",
  "a-declined",
  "b-no-answer",
  "b-busy",
  "b-declined",
  "b-vacant",
  "b-malformed",
  "b-blocked",
] as const;
export type Ending = (typeof endings)[number];

/** What becomes of the answer to CreateCallOutSession. All but `refused` and `unavailable` run the call. */
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
  /** Its record is never listed. */
  losesCdr?: boolean;
  /** Nothing of it is pushed. */
  losesPushes?: boolean;
  /** Its record is late and listed twice, its pushes come doubled and in the wrong order. */
  jumbled?: boolean;
  /** With which code it is refused. */
  code?: string;
  /** With which EndStatusString it ends, whatever happened. */
  endWord?: string;
}

export interface Play extends Script {
  ending: Ending;
  answer: PlaceAnswer;
}

export function playOf(customer: string, answersAll: boolean, script: Script): Play {
  const obeyed = answersAll ? {} : wishOf(customer);
  return { ending: "answered", answer: "normal", ...obeyed, ...script };
}

export interface End {
  /** EndStatusString of the session, and of the agent's part in it. */
  whole: string;
  agent: string;
  side: "seat" | "user" | "system";
}

export interface Step {
  /** Milliseconds after acceptance, at speed 1. */
  afterMs: number;
  what: { leg: "a" | "b"; event: "rings" | "answers" } | { end: End };
}

const ringMs = 8_000;
const talkSecondsDefault = 10;

/** How the agent's leg fails is not documented: here the session's word is that it was not taken, the part's why. */
export function planOf(play: Pick<Play, "ending" | "talkSeconds">): Step[] {
  const step = (afterMs: number, leg: "a" | "b", event: "rings" | "answers"): Step => ({
    afterMs,
    what: { leg, event },
  });
  const end = (afterMs: number, whole: string, agent: string, side: End["side"] = "system"): Step => ({
    afterMs,
    what: { end: { whole, agent, side } },
  });
  const aRings = [step(300, "a", "rings")];
  const aAnswers = [...aRings, step(2_000, "a", "answers")];
  const bRings = [...aAnswers, step(2_500, "b", "rings")];
  switch (play.ending) {
    case "a-busy":
      return [end(600, "seatGiveUp", "busy")];
    case "a-no-answer":
      return [...aRings, end(300 + ringMs, "seatGiveUp", "notAnswer")];
    case "a-declined":
      return [...aRings, end(1_800, "seatGiveUp", "userReject", "seat")];
    case "b-vacant":
      return [...aAnswers, end(2_600, "numberNotExist", "ok")];
    case "b-malformed":
      return [...aAnswers, end(2_600, "numberInvalid", "ok")];
    case "b-blocked":
      return [...aAnswers, end(2_600, "restrictedArea", "ok")];
    case "b-busy":
      return [...aAnswers, end(2_900, "busy", "ok")];
    case "b-declined":
      return [...bRings, end(4_000, "userReject", "ok", "user")];
    case "b-no-answer":
      return [...bRings, end(2_500 + ringMs, "notAnswer", "ok")];
    case "a-hangs-up":
    case "answered": {
      const talkMs = 1_000 * (play.talkSeconds ?? talkSecondsDefault);
      return [
        ...bRings,
        step(5_000, "b", "answers"),
        end(5_000 + talkMs, "ok", "ok", play.ending === "answered" ? "user" : "seat"),
      ];
    }
    default:
      return play.ending satisfies never;
  }
}
