/** A provider of its own name that is, inside, a description of this folder's kind. */
import type { ChannelDefinition } from "../contract.ts";
import type { CustomConfig } from "./config.ts";
import { createCustom, custom } from "./index.ts";

type Own<Config> = Pick<
  ChannelDefinition<Config>,
  "provider" | "title" | "config" | "secretFields" | "addressFields" | "agentKind"
>;

export function preset<Config extends object>(
  own: Own<Config>,
  describedAs: (config: Config) => CustomConfig,
): ChannelDefinition<Config> {
  /** A line's config is asked about for every call that looks for a line. */
  const known = new WeakMap<Config, CustomConfig>();
  const describe = (config: Config): CustomConfig => {
    const described = known.get(config) ?? describedAs(config);
    known.set(config, described);
    return described;
  };
  return {
    ...own,
    accountKey: (config) => custom.accountKey(describe(config)),
    simulated: false,
    honours: (config) => custom.honours(describe(config)),
    controls: (config) => custom.controls(describe(config)),
    canHangUp: (config) => custom.canHangUp(describe(config)),
    live: (config) => custom.live(describe(config)),
    hasFeed: (config) => custom.hasFeed(describe(config)),
    polled: (config) => custom.polled(describe(config)),
    quota: (config) => custom.quota(describe(config)),
    lookup: (config) => custom.lookup(describe(config)),
    signsPushes: (config) => custom.signsPushes?.(describe(config)) ?? false,
    neverDialed: custom.neverDialed,
    precisionMs: custom.precisionMs,
    legacyPaths: [],
    create: (config, tools) => createCustom(own.provider, describe(config), tools),
  };
}
