/** Every kind of channel, loaded when a line of it is first used. */
import type { ChannelDefinition } from "./contract.ts";

const channels: Record<string, () => Promise<ChannelDefinition>> = {
  aliyun: async () => (await import("./aliyun/index.ts")).aliyun,
  custom: async () => (await import("./custom/index.ts")).custom,
  e9: async () => (await import("./e9/index.ts")).e9,
  fake: async () => (await import("./fake/index.ts")).fake,
  hollycrm: async () => (await import("./custom/hollycrm.ts")).hollycrm,
  hw: async () => (await import("./hw/index.ts")).hw,
  hwvoice: async () => (await import("./hwvoice/index.ts")).hwvoice,
  jy: async () => (await import("./custom/jy.ts")).jy,
  qimoor: async () => (await import("./qimoor/index.ts")).qimoor,
  ronglian: async () => (await import("./ronglian/index.ts")).ronglian,
  tencent: async () => (await import("./tencent/index.ts")).tencent,
  tianrun: async () => (await import("./tianrun/index.ts")).tianrun,
};

export const channelNames: readonly string[] = Object.keys(channels);

/** null where no channel has this name. */
export async function loadChannel(name: string): Promise<ChannelDefinition | null> {
  return Object.hasOwn(channels, name) ? (channels[name]?.() ?? null) : null;
}
