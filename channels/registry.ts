/** Every kind of channel, loaded when a line of it is first used. */
import type { ChannelDefinition } from "./contract.ts";

const channels: Record<string, () => Promise<ChannelDefinition>> = {
  e9: async () => (await import("./e9/index.ts")).e9,
  fake: async () => (await import("./fake/index.ts")).fake,
  hw: async () => (await import("./hw/index.ts")).hw,
};

export const channelNames: readonly string[] = Object.keys(channels);

/** null where no channel has this name. */
export async function loadChannel(name: string): Promise<ChannelDefinition | null> {
  return Object.hasOwn(channels, name) ? (channels[name]?.() ?? null) : null;
}
