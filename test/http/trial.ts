/** A channel whose probe does what its config says: the lines' tests need no provider. */
import { z } from "zod";
import { type Channel, type ChannelDefinition, ChannelError } from "../../channels/contract.ts";

const trialConfig = z.strictObject({
  account: z
    .string()
    .regex(/^[a-z0-9]{1,16}$/)
    .meta({ title: "账户 · Account" }),
  secret: z.string().min(8).meta({ title: "密钥 · Secret" }),
  backup: z.string().min(8).optional(),
  node: z.url().default("https://node.example"),
  probe: z.enum(["yes", "no", "leaks", "mute"]).default("yes"),
});
type TrialConfig = z.output<typeof trialConfig>;

export const trial: ChannelDefinition<TrialConfig> = {
  provider: "trial",
  title: { zh: "试验", en: "Trial" },
  config: trialConfig,
  secretFields: ["secret", "backup"],
  addressFields: ["node"],
  accountKey: ({ account }) => account,
  simulated: false,
  agentKind: "phone",
  honours: () => ["privacy"],
  controls: () => ["mute"],
  canHangUp: () => true,
  live: () => "reliable",
  polled: () => false,
  hasFeed: () => false,
  quota: () => ({ followPerMinute: 60, followBatchMax: 1, followEveryMs: 1_000, pollEveryMs: 1_000 }),
  lookup: () => ({ settleAfterMs: 0, absentProvesForMs: 0 }),
  neverDialed: [],
  precisionMs: 1,
  legacyPaths: ["status"],
  create,
};

function create(config: TrialConfig): Channel {
  return {
    provider: "trial",
    normalize: () => [],
    async close() {},
    async place() {
      throw new ChannelError({ kind: "refused", effect: "none", cause: "other" });
    },
    async probe() {
      // Not even the signal wakes it.
      if (config.probe === "mute") await new Promise<never>(() => {});
      const fault = { kind: "unauthorized", effect: "none", cause: "credentials" } as const;
      if (config.probe === "no") throw new ChannelError({ ...fault, code: "E401" });
      if (config.probe === "leaks") throw new ChannelError({ ...fault, code: `bad secret: ${config.secret}` });
    },
  };
}
