/** A line in virtual time: what a test lets happen to it, through the same machine as in the service. */
import type { Fault } from "../../src/health/cause.ts";
import { type Around, observe, pass } from "../../src/health/engine.ts";
import { lookAt } from "../../src/health/look.ts";
import type { Observation } from "../../src/health/observation.ts";
import { type LineHealth, newLineHealth, type Transition } from "../../src/health/state.ts";
import type { Traits } from "../../src/health/usual.ts";
import type { HealthView } from "../../src/health/view.ts";

export const traits: Traits = { placeMs: 350, firstEventMs: 3_000, pddMs: 6_000, asr: 0.4, pushed: true };

export interface Played {
  now: number;
  /** For how long news may have waited with us. */
  lagMs: number;
  health: LineHealth;
  transitions: Transition[];
  view(): HealthView;
  see(seen: Observation): void;
  /** Lets time pass, looked at every `stepMs`. */
  wait(ms: number, stepMs?: number): void;
  place(count?: number, ms?: number): void;
  fail(fault?: Fault, unknown?: boolean): void;
  probe(fault?: Fault | null): void;
  heard(): void;
}

export function play(random: () => number, given: Partial<Traits> = {}): Played {
  const around = (): Around => ({ now: line.now, lagMs: line.lagMs, random, traits: { ...traits, ...given } });
  const line: Played = {
    now: 0,
    lagMs: 0,
    health: newLineHealth(0),
    transitions: [],
    view: () => lookAt(line.health, line.now),
    see(seen) {
      const step = observe(line.health, seen, around());
      line.health = step.health;
      line.transitions.push(...step.transitions);
    },
    wait(ms, stepMs = 250) {
      for (const until = line.now + ms; line.now < until; ) {
        line.now = Math.min(until, line.now + stepMs);
        const step = pass(line.health, around());
        line.health = step.health;
        line.transitions.push(...step.transitions);
      }
    },
    place: (count = 1, ms = 120) =>
      line.see({ is: "placed", at: line.now, count, ms, sent: line.now - ms, callId: null }),
    fail: (fault = "failing", unknown = false) =>
      line.see({ is: "failed", at: line.now, fault, unknown, callId: null }),
    probe: (fault = null) => line.see({ is: "probe", at: line.now, fault }),
    heard: () => line.see({ is: "heard", at: line.now, firstMs: 400 }),
  };
  return line;
}

/** A line with a history of so many calls, a share of which failed, heard of all along. */
export function seasoned(random: () => number, calls: number, share: number, everyMs: number): Played {
  const line = play(random);
  const batch = share === 0 ? 20 : Math.round(1 / share);
  for (let placed = 0; placed < calls; placed += batch) {
    line.now += everyMs * batch;
    line.place(batch - 1);
    line.heard();
    if (share > 0) line.fail();
    else line.place();
  }
  line.place();
  line.heard();
  if (line.transitions.length > 0) throw new Error("a line of the past must have been well");
  return line;
}

export const toDown = (line: Played) => line.transitions.filter(({ to }) => to === "down");
export const story = (line: Played) => line.transitions.map(({ from, to, cause }) => `${from} ${to} ${cause}`);

/** Out through failing calls, and probed well until a trial may be placed. */
export function halfOpened(random: () => number): Played {
  const line = seasoned(random, 200, 0, 1_000);
  for (let n = 0; n < 5; n++) line.fail();
  probeUntil(line, 30_000, () => line.view().trial);
  return line;
}

/** Probes well, every two seconds. */
export function probeUntil(line: Played, ms: number, done: () => boolean): void {
  for (const until = line.now + ms; line.now < until && !done(); ) {
    line.wait(2_000);
    line.probe();
    line.wait(0);
  }
}

/** A call takes the trial, for so long. */
export function take(line: Played, callId: string, ms: number): void {
  const { mode } = line.health;
  if (mode.is !== "down") throw new Error("there is nothing to try");
  line.health = { ...line.health, mode: { ...mode, trial: { callId, until: line.now + ms } } };
}
