/** What a simulated callback will do, and when: pure. */

export type Ending = "answered" | "a-hangs-up" | "a-no-answer" | "b-no-answer" | "a-failed" | "b-failed" | "b-declined";

/** What becomes of the answer to a request that places a call. All but `refused` and `unavailable` run the call. */
export type PlaceAnswer = "normal" | "lost" | "never" | "garbage" | "refused" | "unavailable";

/** A test's wishes for one call, over what the number's last digit says. */
export interface Script {
  ending?: Ending;
  /** Seconds at speed 1; 10 by default. */
  talkSeconds?: number;
  answer?: PlaceAnswer;
  /** With `refused`; 111142 by default. */
  statusCode?: string;
  /** Real milliseconds before the answer leaves. */
  answerAfterMs?: number;
  /** Instead of the call's own end. */
  byetype?: string;
  /** Where the server callbacks go, instead of the address entered on the app. */
  callbackUrl?: string;
  /** Real milliseconds by which every push is late. */
  lateMs?: number;
  /** Pushes name another app. */
  wrongApp?: boolean;
  /** Pushes are neither XML nor JSON. */
  garbagePushes?: boolean;
  /** Half a call: nobody is told anything. */
  silent?: boolean;
  /** Pushes come doubled, the record before the Hangup, and CallEstablish never. */
  jumbled?: boolean;
}

export interface Play extends Script {
  ending: Ending;
  answer: PlaceAnswer;
}

/** The platform has one word for busy and for whatever else fails before a phone rings. */
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

export function playOf(customer: string, script: Script): Play {
  return { ending: "answered", answer: "normal", ...digits[customer.slice(-1)], ...script };
}

export type StepName = "call" | "ring" | "answer";
export interface Step {
  /** Milliseconds after acceptance, at speed 1. */
  afterMs: number;
  name: StepName | "hangup";
  leg: "a" | "b";
  byetype?: string;
}

const ringMs = 8_000;
const talkSecondsDefault = 10;

export function planOf(play: Pick<Play, "ending" | "talkSeconds">, maxCallTime: number): Step[] {
  const talkSeconds = play.talkSeconds ?? talkSecondsDefault;
  const talkMs = Math.min(talkSeconds, maxCallTime) * 1_000;
  const step = (afterMs: number, name: StepName, leg: "a" | "b"): Step => ({ afterMs, name, leg });
  const hangup = (afterMs: number, leg: "a" | "b", byetype: string): Step => ({
    afterMs,
    name: "hangup",
    leg,
    byetype,
  });
  const aCalled = step(50, "call", "a");
  const aRings = [aCalled, step(300, "ring", "a")];
  const bCalled = [...aRings, step(2_000, "answer", "a"), step(2_000, "call", "b")];
  const bRings = [...bCalled, step(2_500, "ring", "b")];

  switch (play.ending) {
    case "a-failed":
      return [aCalled, hangup(600, "a", "-4")];
    case "a-no-answer":
      return [...aRings, hangup(300 + ringMs, "a", "-10")];
    case "b-failed":
      return [...bCalled, hangup(2_900, "b", "-5")];
    case "b-declined":
      return [...bRings, hangup(4_000, "b", "-9")];
    case "b-no-answer":
      return [...bRings, hangup(2_500 + ringMs, "b", "-9")];
    case "a-hangs-up":
    case "answered": {
      const byetype = talkSeconds > maxCallTime ? "2" : play.ending === "answered" ? "4" : "3";
      return [...bRings, step(5_000, "answer", "b"), hangup(5_000 + talkMs, "b", byetype)];
    }
    default:
      return play.ending satisfies never;
  }
}
