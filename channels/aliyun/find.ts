/** Looks a call up whose answer was lost. */

import { z } from "zod";
import type { Channel } from "../contract.ts";
import { windowOf } from "./feed.ts";
import { digitsOf, looseText, looseTime, readTags } from "./ref.ts";
import { listAnswer, type Wire } from "./wire.ts";

/** By how much the provider's clock may be behind ours. */
const skewMs = 5_000;
/** A request that was sent has either arrived by then or never will. */
const arrivesWithinMs = 60_000;
const minuteMs = 60_000;

const candidate = z.object({
  ContactId: z.string().min(1),
  CallingNumber: looseText,
  CalledNumber: looseText,
  Tags: looseText,
  StartTime: looseTime,
});

/**
 * Among the records of ended calls: by the tags, should they come back, else by both numbers and the time at which it
 * began. Where more than one fits, nobody can tell.
 */
export function openFind(ask: Wire["ask"], now: () => Date): NonNullable<Channel["find"]> {
  return async (order, since, signal) => {
    const agent = order.agent.phone?.national();
    if (agent === undefined) return "cannot-tell";
    const from = since.getTime();
    // Whichever of a call's times the list is cut by, this one's lie in here.
    const latest = from + order.maxDurationSeconds * 1_000 + 15 * minuteMs;
    const window = windowOf(from - minuteMs, Math.min(now().getTime(), latest), 1);
    const query = { ...window, CalledNumber: order.customer.national() };
    const { List } = await ask("ListCallDetailRecordsV2", query, listAnswer, signal);
    const listed = (List ?? []).flatMap((one) => candidate.safeParse(one).data ?? []);
    const fitting = listed.filter((one) => {
      const tags = readTags(one.Tags);
      if (tags !== null) return tags.callId === order.callId && tags.attempt === order.attempt;
      const began = (one.StartTime?.getTime() ?? 0) - from;
      const between = digitsOf(one.CallingNumber) === agent && digitsOf(one.CalledNumber) === order.customer.national();
      return between && began >= -skewMs && began <= arrivesWithinMs;
    });
    const [found] = fitting;
    if (found === undefined || fitting.length > 1) return "cannot-tell";
    return { providerCallId: found.ContactId, providerJobId: found.ContactId };
  };
}
