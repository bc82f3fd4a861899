import type { Channel, ChannelDefinition } from "../../channels/contract.ts";
import { ChannelError } from "../../channels/errors.ts";
import type { Clock } from "../clock.ts";

/** One request to a provider, over: `outcome` is ok, or the kind of the error. */
export interface Asked {
  channel: string;
  operation: "place" | "find" | "hangup" | "control" | "follow" | "poll" | "probe";
  outcome: string;
  /** Of a `place` that failed: whether a phone may have rung. */
  effect: "none" | "unknown" | null;
  seconds: number;
}

interface Told {
  asked(one: Asked): void;
  accepted(channel: string, source: "poll", count: number): void;
}

type Load = (name: string) => Promise<ChannelDefinition | null>;

/** Loads the same channels, measured; each is one object however often it is loaded. */
export function measuredChannels(load: Load, clock: Clock, told: Told): Load {
  const known = new WeakMap<ChannelDefinition, ChannelDefinition>();
  return async (name) => {
    const definition = await load(name);
    if (definition === null) return null;
    const measured = known.get(definition) ?? measureChannel(definition, clock, told);
    known.set(definition, measured);
    return measured;
  };
}

/** The same channel, whose requests to its provider are counted and timed. */
function measureChannel(definition: ChannelDefinition, clock: Clock, told: Told): ChannelDefinition {
  const channel = definition.provider;
  function timed<Given extends unknown[], Result>(
    operation: Asked["operation"],
    method: (...given: Given) => Promise<Result>,
  ): (...given: Given) => Promise<Result> {
    return async (...given) => {
      const began = clock.now().getTime();
      const over = (outcome: string, effect: Asked["effect"]): void => {
        const seconds = Math.max(0, clock.now().getTime() - began) / 1000;
        told.asked({ channel, operation, outcome, effect, seconds });
      };
      try {
        const result = await method(...given);
        over("ok", null);
        return result;
      } catch (error) {
        // What is not an adapter's own error proves nothing.
        if (error instanceof ChannelError) over(error.kind, error.effect);
        else over("other", "unknown");
        throw error;
      }
    };
  }
  return {
    ...definition,
    create(config, tools) {
      const made = definition.create(config, tools);
      const measured: Channel = { ...made, place: timed("place", made.place), probe: timed("probe", made.probe) };
      // A missing method is how a channel says that it cannot: it must stay missing.
      if (made.find !== undefined) measured.find = timed("find", made.find);
      if (made.hangup !== undefined) measured.hangup = timed("hangup", made.hangup);
      if (made.control !== undefined) measured.control = timed("control", made.control);
      if (made.follow !== undefined) measured.follow = timed("follow", made.follow);
      if (made.poll !== undefined) {
        const poll = timed("poll", made.poll);
        measured.poll = async (cursor, signal) => {
          const batch = await poll(cursor, signal);
          told.accepted(channel, "poll", batch.deliveries.length);
          return batch;
        };
      }
      return measured;
    },
  };
}
