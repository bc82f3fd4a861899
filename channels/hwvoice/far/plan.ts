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
  | "b-malformed"
  | "no-port";

/** What becomes of the answer to click2Call. All but `refused` and `unavailable` run the call. */
export type PlaceAnswer = "normal" | "lost" | "refused" | "unavailable";

/** A test's wishes for one call, over what the customer's last digit says. */
export interface Script {
  ending?: Ending;
  /** Seconds at speed 1; 10 by default. */
  talkSeconds?: number;
  answer?: PlaceAnswer;
  /** With `refused`; 1010021 by default. */
  resultcode?: string;
  /** Statuses that are never pushed. */
  loses?: readonly StatusName[];
  /** Statuses come doubled and disordered, B's answer never; the fee record comes twice. */
  jumbled?: boolean;
  /** No fee record is ever pushed. */
  losesFee?: boolean;
  /** What the fee record says instead. */
  fee?: Record<string, string | number>;
  /** What the disconnect says, whatever happened. */
  stateCode?: number;
  /** The fee record names the recording's address itself. */
  directRecording?: boolean;
}

export interface Play extends Script {
  ending: Ending;
  answer: PlaceAnswer;
}

export function playOf(customer: string, script: Script): Play {
  return { ending: "answered", answer: "normal", ...wishOf(customer), ...script };
}

export type StatusName = "callout" | "alerting" | "answer" | "disconnect";
/** The codes with which a call ends: of the disconnect, of the leg that failed, and where it was taken down. */
export interface EndCodes {
  stateCode: number;
  q850: number;
  ulFailReason: number;
}
export type Step =
  /** Milliseconds after acceptance, at speed 1. */
  | { afterMs: number; name: Exclude<StatusName, "disconnect">; leg: "a" | "b" }
  | { afterMs: number; name: "disconnect"; codes: EndCodes };

const ringMs = 8_000;
const talkSecondsDefault = 10;

export function planOf(play: Pick<Play, "ending" | "talkSeconds">, maxMinutes: number): Step[] {
  const end = (afterMs: number, stateCode: number, q850: number, ulFailReason: number): Step => ({
    afterMs,
    name: "disconnect",
    codes: { stateCode, q850, ulFailReason },
  });
  const aCalled: Step = { afterMs: 100, name: "callout", leg: "a" };
  const aRings: Step[] = [aCalled, { afterMs: 300, name: "alerting", leg: "a" }];
  const aTalks: Step[] = [...aRings, { afterMs: 2_000, name: "answer", leg: "a" }];
  const bCalled: Step[] = [...aTalks, { afterMs: 2_000, name: "callout", leg: "b" }];
  const bRings: Step[] = [...bCalled, { afterMs: 2_500, name: "alerting", leg: "b" }];
  const talkMs = 1_000 * (play.talkSeconds ?? talkSecondsDefault);
  const limitMs = maxMinutes * 60_000;

  switch (play.ending) {
    case "no-port":
      return [end(100, 7109, 0, 522)];
    case "a-busy":
      return [aCalled, end(600, 8108, 17, 518)];
    case "a-declined":
      return [...aRings, end(1_800, 8004, 21, 518)];
    case "a-no-answer":
      return [...aRings, end(300 + ringMs, 8107, 19, 514)];
    case "b-busy":
      return [...bCalled, end(2_900, 8102, 17, 518)];
    case "b-vacant":
      return [...bCalled, end(2_600, 8100, 1, 518)];
    case "b-malformed":
      return [...bCalled, end(2_600, 8002, 28, 518)];
    case "b-declined":
      return [...bRings, end(4_000, 8004, 21, 518)];
    case "b-no-answer":
      return [...bRings, end(2_500 + ringMs, 8101, 19, 514)];
    case "answered": {
      const isLimit = talkMs > limitMs;
      const over = end(5_000 + Math.min(talkMs, limitMs), isLimit ? 8010 : 0, 0, 0);
      return [...bRings, { afterMs: 5_000, name: "answer", leg: "b" }, over];
    }
    default:
      return play.ending satisfies never;
  }
}
