/** What a simulated call will do, and when: pure. */
import { wishOf } from "../../kit/far/digits.ts";

export type Ending =
  | "answered"
  | "a-no-answer"
  | "b-no-answer"
  | "a-busy"
  | "b-busy"
  | "b-declined"
  | "server-error"
  | "network-error"
  | "other";

/** What becomes of the answer to a request that places a call. All but `refused` and `unavailable` run the call. */
export type PlaceAnswer = "normal" | "lost" | "never" | "garbage" | "refused" | "unavailable";

/** A test's wishes for one call, over what the number's last digit says. */
export interface Script {
  ending?: Ending;
  /** Seconds at speed 1; 10 by default. */
  talkSeconds?: number;
  answer?: PlaceAnswer;
  /** With `refused`; 900117 by default. */
  statusCode?: string;
  /** Beside a yes: a wish that was not granted. */
  subStatusCode?: string;
  /** Real milliseconds before the answer leaves. */
  answerAfterMs?: number;
  /** Instead of the address entered on the app. */
  notifyUrl?: string;
  /** Real milliseconds by which every push is late. */
  lateMs?: number;
  /** Pushes name another app. */
  wrongApp?: boolean;
  /** Pushes are no XML. */
  garbagePushes?: boolean;
  /** Half a call: after A is called nobody is told anything, by push or record. */
  silentAfterInvite?: boolean;
  /** The end is never pushed; its record exists. */
  losesFinal?: boolean;
  /** Pushes come doubled and disordered, and CallEstablish never. */
  jumbled?: boolean;
  /** Real milliseconds after the end until there is a record; none by default. */
  recordAfterMs?: number;
}

export interface Play extends Script {
  ending: Ending;
  answer: PlaceAnswer;
}

export function playOf(customer: string, script: Script): Play {
  return { ending: "answered", answer: "normal", ...wishOf(customer), ...script };
}

export type StepName = "invite-a" | "ring-a" | "answer-a" | "invite-b" | "ring-b" | "establish" | "hangup";
export interface Step {
  /** Milliseconds after acceptance, at speed 1. */
  afterMs: number;
  name: StepName;
  byeType?: number;
}

const ringMs = 8_000;
const talkSecondsDefault = 10;

export function planOf(play: Pick<Play, "ending" | "talkSeconds">, maxCallTime: number): Step[] {
  const talkSeconds = play.talkSeconds ?? talkSecondsDefault;
  const talkMs = Math.min(talkSeconds, maxCallTime) * 1_000;
  const step = (afterMs: number, name: StepName): Step => ({ afterMs, name });
  const hangup = (afterMs: number, byeType: number): Step => ({ afterMs, name: "hangup", byeType });
  const aCalled = step(0, "invite-a");
  const aRings = [aCalled, step(300, "ring-a")];
  const bCalled = [...aRings, step(2_000, "answer-a"), step(2_000, "invite-b")];
  const bRings = [...bCalled, step(2_500, "ring-b")];

  switch (play.ending) {
    case "a-busy":
      return [aCalled, hangup(600, 3)];
    case "a-no-answer":
      return [...aRings, hangup(300 + ringMs, 1)];
    case "b-busy":
      return [...bCalled, hangup(2_900, 4)];
    // The provider has no other word for a refusal.
    case "b-declined":
      return [...bRings, hangup(4_000, 4)];
    case "b-no-answer":
      return [...bRings, hangup(2_500 + ringMs, 2)];
    case "server-error":
      return [hangup(100, 6)];
    case "network-error":
      return [aCalled, hangup(100, 7)];
    case "other":
      return [aCalled, hangup(100, 255)];
    case "answered":
      return [...bRings, step(5_000, "establish"), hangup(5_000 + talkMs, talkSeconds > maxCallTime ? 5 : 0)];
  }
}
