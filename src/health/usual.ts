import type { ChannelDefinition } from "../../channels/contract.ts";

/** What is normal for a line, for as long as it has no history of its own. */
export interface Usual {
  /** How long the slowest of its ordinary placements takes. */
  placeMs: number;
  /** From sending a call to the first news of it. */
  firstEventMs: number;
  /** From sending a call to the first ring. */
  pddMs: number;
  /** Share of the calls that are answered. */
  asr: number;
}

/** A line's traits, as its channel and config give them. */
export interface Traits extends Usual {
  /** Its news comes by itself and while the call lives: then silence says something. */
  pushed: boolean;
}

const usual: Usual = { placeMs: 350, firstEventMs: 3_000, pddMs: 6_000, asr: 0.4 };

export function traitsOf(definition: ChannelDefinition, config: unknown): Traits {
  const pushed = !definition.polled(config) && definition.live(config) !== "none";
  return { ...usual, ...definition.usual, pushed };
}
