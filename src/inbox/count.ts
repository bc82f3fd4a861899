import type { Metrics } from "../metrics/metrics.ts";
import type { Accept } from "./accept.ts";

/** Counted once they are durable. */
export function countAccepted(accept: Accept, metrics: Pick<Metrics, "accepted">): Accept {
  return {
    ...accept,
    async accept(arrivals) {
      await accept.accept(arrivals);
      for (const { channel, source } of arrivals) metrics.accepted(channel, source, 1);
    },
  };
}
