/** A line's health as a pure machine: an observation, or time that passes, in; the next state, what turned, out. */
import type { Cause } from "./cause.ts";
import { fresh, learn } from "./evidence.ts";
import { isSilent, type Moment, mustLeave, type Verdict, worry } from "./judge.ts";
import type { Observation } from "./observation.ts";
import type { Down, Evidence, LineHealth, Mode, Transition } from "./state.ts";
import type { Traits } from "./usual.ts";

const ejectionMs = 10_000;
const ejectionMaxMs = 300_000;
/** How long a line must have been in use for its next ejection to be as short as its first. */
const goodWhileMs = 600_000;
const jitter = 0.2;
/** Probes in a row that must be well before anything is tried. */
const goodProbesMin = 3;
/** With no call to try, probes alone let a line in again that went out by probes alone. */
const idleMs = 10_000;
/** So much late news proves that a silent provider speaks again. */
const heardMin = 3;
const degradedMinMs = 60_000;

/** What the machine is handed beside the state: time, chance, and what is normal for the line. */
export interface Around extends Moment {
  /** 0..1, spreads the ejections of lines and instances. */
  random: () => number;
  traits: Traits;
}

export interface Step {
  health: LineHealth;
  transitions: Transition[];
}

const none: Transition[] = [];

/** The state after one observation. */
export function observe(before: LineHealth, seen: Observation, around: Around): Step {
  const { mode } = before;
  const counts = mode.is === "up" || mode.is === "degraded";
  const health: LineHealth = { ...before, evidence: learn(before.evidence, seen, around.traits, counts) };
  if (seen.is === "hold") {
    if (mode.is === "held") return { health, transitions: none };
    const held: Mode = { is: "held", since: around.now, by: seen.by, reason: seen.reason };
    return turn(health, held, "operator", around.now, seen.reason);
  }
  if (seen.is === "release") {
    if (mode.is !== "held") return { health, transitions: none };
    const up: Mode = { is: "up", since: around.now, rampFrom: around.now };
    const evidence = fresh(health.evidence, around.now);
    return turn({ ...health, evidence, inUseSince: around.now }, up, "released", around.now);
  }
  if (mode.is === "down") return then(tried({ ...health, mode }, mode, seen, around), around);
  return pass(health, around);
}

/** The state as time passes. */
export function pass(health: LineHealth, around: Around): Step {
  const { mode, evidence } = health;
  switch (mode.is) {
    case "held":
      return { health, transitions: none };
    case "down":
      return waited(health, mode, around);
    case "up":
    case "degraded": {
      const verdict = mustLeave(evidence, around.traits, around);
      if (verdict !== null) return leave(health, verdict, around);
      const degraded = mode.is === "degraded";
      const cause = worry(evidence, around.traits, around, degraded);
      const { rampFrom } = mode;
      if (cause !== null && !degraded)
        return turn(health, { is: "degraded", since: around.now, rampFrom, cause }, cause, around.now);
      if (cause === null && degraded && around.now - mode.since >= degradedMinMs)
        return turn(health, { is: "up", since: around.now, rampFrom }, "recovered", around.now);
      return { health, transitions: none };
    }
    default:
      return mode satisfies never;
  }
}

function then(step: Step, around: Around): Step {
  const next = pass(step.health, around);
  return step.transitions.length === 0 ? next : { ...next, transitions: [...step.transitions, ...next.transitions] };
}

function turn(health: LineHealth, mode: Mode, cause: Cause, at: number, reason: string | null = null): Step {
  const number = health.count + 1;
  const transition: Transition = { number, from: health.mode.is, to: mode.is, cause, at, reason };
  return { health: { ...health, mode, count: number }, transitions: [transition] };
}

/** Out of use. Each ejection that follows soon lasts twice as long; chance keeps lines and instances apart. */
function leave(health: LineHealth, { cause, gray, uncertain }: Verdict, around: Around): Step {
  const { now } = around;
  const rested = now - health.inUseSince >= goodWhileMs;
  const ejections = rested ? 1 : health.ejections + 1;
  const mode: Down = {
    is: "down",
    since: now,
    cause,
    until: now + ejectedFor(ejections, around.random()),
    gray,
    uncertain,
    halfOpenSince: null,
    trial: null,
  };
  const next = { ...health, ejections, evidence: outOfUse(health.evidence, now) };
  return turn(next, mode, cause, now);
}

/** Milliseconds. */
function ejectedFor(ejections: number, random: number): number {
  const base = Math.min(ejectionMaxMs, ejectionMs * 2 ** (ejections - 1));
  return base * (1 - jitter + 2 * jitter * random);
}

function outOfUse(evidence: Evidence, now: number): Evidence {
  // What hung is kept: it may come back, and then it was not lost.
  return { ...fresh(evidence, now), hung: evidence.hung };
}

/** What a call tells of a line that is out of use. */
function tried(health: LineHealth, down: Down, seen: Observation, around: Around): Step {
  const stay = (mode: Down): Step => ({ health: { ...health, mode }, transitions: none });
  const callId = "callId" in seen ? seen.callId : null;
  const isTrial = callId !== null && callId === down.trial?.callId;
  const halfOpen = down.halfOpenSince !== null;
  switch (seen.is) {
    case "placed":
      // That it is accepted proves nothing of a line whose accepted calls were silent: the trial must be heard.
      if (down.cause === "silent" || !(isTrial || halfOpen)) return stay(down);
      return reopen(health, around.now);
    case "failed":
    case "hung":
      return isTrial || halfOpen ? again(health, down, around) : stay(down);
    case "answered":
      // What is said of a number or a rule decides nothing: another call may try.
      return isTrial ? stay({ ...down, trial: null }) : stay(down);
    case "returned":
      if (down.cause !== "hanging" || health.evidence.hung > 0) return stay(down);
      // All that hung was only slow: one call may show at once that it works.
      return stay({ ...down, until: around.now, halfOpenSince: around.now, uncertain: false });
    case "heard":
      if (down.cause !== "silent") return stay(down);
      return halfOpen || health.evidence.heardSinceDown >= heardMin ? reopen(health, around.now) : stay(down);
    case "probe":
      return seen.fault === null ? stay(down) : stay({ ...down, halfOpenSince: null });
    default:
      return stay(down);
  }
}

/** In use again, with a share that grows from a tenth. */
function reopen(health: LineHealth, now: number): Step {
  const evidence = { ...fresh(health.evidence, now), misses: 0, deniedProbes: null };
  const next = { ...health, inUseSince: now, evidence };
  return turn(next, { is: "up", since: now, rampFrom: now }, "recovered", now);
}

/** The trial failed: no transition, since it was and stays down; only longer. */
function again(health: LineHealth, down: Down, { now, random }: Around): Step {
  const ejections = health.ejections + 1;
  const mode: Down = { ...down, until: now + ejectedFor(ejections, random()), halfOpenSince: null, trial: null };
  return { health: { ...health, mode, ejections, evidence: fresh(health.evidence, now) }, transitions: none };
}

function waited(health: LineHealth, down: Down, around: Around): Step {
  const { now } = around;
  const { trial } = down;
  const silentStill = down.cause === "silent" && isSilent(health.evidence, around.traits, around);
  if (trial !== null && now >= trial.until) {
    // Nobody told how it went: its process is gone, or the call was never heard of.
    if (down.cause === "silent") return again(health, down, around);
    return { health: { ...health, mode: { ...down, trial: null } }, transitions: none };
  }
  if (silentStill) return again(health, down, around);
  if (down.halfOpenSince === null) {
    if (now < down.until || health.evidence.good < goodProbesMin) return { health, transitions: none };
    return { health: { ...health, mode: { ...down, halfOpenSince: now } }, transitions: none };
  }
  if (!down.gray && trial === null && now - down.halfOpenSince >= idleMs) return reopen(health, now);
  return { health, transitions: none };
}
