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

/** What becomes of the answer to a callout. All but `refused` and `unavailable` run the call. */
export type PlaceAnswer = "normal" | "lost" | "refused" | "unavailable";

/** A test's wishes for one call, over what the customer's last digit says. */
export interface Script {
  ending?: Ending;
  /** Seconds at speed 1; 10 by default. */
  talkSeconds?: number;
  answer?: PlaceAnswer;
  /** With `refused`. */
  code?: string;
  /** Instead of the address set for the enterprise; the type of the push is put behind it. */
  notifyUrl?: string;
  /** Pushes come doubled and disordered, that both talk never. */
  jumbled?: boolean;
  /** The end is never pushed; its record exists. */
  losesEnd?: boolean;
  /** The record repeats nothing that the request brought along. */
  forgetful?: boolean;
  /** The list holds other people's calls too, whatever was asked for. */
  unfiltered?: boolean;
}

export interface Play extends Script {
  ending: Ending;
  answer: PlaceAnswer;
}

export function playOf(customer: string, script: Script): Play {
  return { ending: "answered", answer: "normal", ...wishOf(customer), ...script };
}

export type Moment = "call-a" | "ring-a" | "answer-a" | "ring-b" | "bridge";
export type Step =
  /** Milliseconds after acceptance, at speed 1. */
  { afterMs: number } & ({ name: Moment } | { name: "end"; status: number; sipCause: number; endReason: number });

const ringMs = 8_000;
const talkSecondsDefault = 10;
const mainChannel = 1000;

export function planOf(play: Pick<Play, "ending" | "talkSeconds">): Step[] {
  const step = (afterMs: number, name: Moment): Step => ({ afterMs, name });
  const end = (afterMs: number, status: number, sipCause: number): Step => ({
    afterMs,
    name: "end",
    status,
    sipCause,
    endReason: mainChannel,
  });
  const aCalled = step(100, "call-a");
  const aRings = [aCalled, step(300, "ring-a")];
  const aTalks = [...aRings, step(2_000, "answer-a")];
  const bRings = [...aTalks, step(2_500, "ring-b")];
  switch (play.ending) {
    case "a-busy":
      return [aCalled, end(600, 30, 486)];
    case "a-declined":
      return [...aRings, end(1_800, 30, 603)];
    case "a-no-answer":
      return [...aRings, end(300 + ringMs, 30, 480)];
    case "b-busy":
      return [...aTalks, end(2_900, 32, 486)];
    case "b-vacant":
      return [...aTalks, end(2_600, 32, 404)];
    case "b-malformed":
      return [...aTalks, end(2_600, 31, 484)];
    case "b-declined":
      return [...bRings, end(4_000, 32, 603)];
    case "b-no-answer":
      return [...bRings, end(2_500 + ringMs, 32, 480)];
    case "answered":
      return [...bRings, step(5_000, "bridge"), end(5_000 + 1_000 * (play.talkSeconds ?? talkSecondsDefault), 33, 200)];
    default:
      return play.ending satisfies never;
  }
}
