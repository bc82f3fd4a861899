/** The fake channel without its far side: every placement is a yes, and no news comes but what a test stores. */
import type { CallEvent, ChannelDefinition } from "../../channels/contract.ts";
import { fake } from "../../channels/fake/index.ts";
import { normalize } from "../../channels/fake/map.ts";
import { loadChannel } from "../../channels/registry.ts";

export interface QuietOptions {
  /** True leaves only the provider's id in the news: matching must go by it. */
  hideCallId?: boolean;
  /** The provider's id for a call of ours. */
  idFor?: (callId: string) => string;
  /** Awaited before the yes. */
  before?: (callId: string) => Promise<void>;
}

export function quietChannels(options: QuietOptions = {}): (name: string) => Promise<ChannelDefinition | null> {
  const idFor = options.idFor ?? ((callId: string) => `p-${callId}`);
  const read = (event: CallEvent): CallEvent => {
    if (!options.hideCallId) return event;
    const { callId: _callId, attempt: _attempt, ...ref } = event.ref;
    return { ...event, ref };
  };
  const quiet: ChannelDefinition = {
    ...(fake as unknown as ChannelDefinition),
    hasFeed: () => false,
    polled: () => false,
    create: () => ({
      provider: "fake",
      async place(order) {
        await options.before?.(order.callId);
        return { providerCallId: idFor(order.callId), providerJobId: null };
      },
      async probe() {},
      normalize: (delivery) => normalize(delivery).map(read),
      async close() {},
    }),
  };
  return async (name) => (name === "fake" ? quiet : loadChannel(name));
}
