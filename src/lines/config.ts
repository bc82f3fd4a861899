import { type ZodError, z } from "zod";
import type { ChannelDefinition } from "../../channels/contract.ts";
import { Refusal } from "../domain/refusal.ts";

/** A line's provider config as it was given: JSON, checked by its channel's schema before anything is done with it. */
export type ProviderConfig = Record<string, unknown>;

const providerConfig = z.record(z.string(), z.unknown());

/** The config of a stored line: we wrote it ourselves. */
export function storedConfig(opened: string): ProviderConfig {
  return providerConfig.parse(JSON.parse(opened));
}

/** A change laid over what is stored: an absent field (a secret, say) stays, null takes it out. */
export function mergeConfig(stored: ProviderConfig, change: ProviderConfig): ProviderConfig {
  return Object.fromEntries(Object.entries({ ...stored, ...change }).filter(([, value]) => value !== null));
}

/** The config as its channel reads it; faults are told by the field's path, never by its value. */
export function checkConfig(definition: ChannelDefinition, config: ProviderConfig): unknown {
  const parsed = definition.config.safeParse(config);
  if (parsed.success) return parsed.data;
  throw invalidConfig(parsed.error);
}

/** zod's plain `ZodError` is no `Error`: thrown, it would pass by everything that catches errors. */
function invalidConfig(error: ZodError): ZodError {
  return new z.ZodRealError(error.issues.map((issue) => ({ ...issue, path: ["providerConfig", ...issue.path] })));
}

/**
 * A secret stays with the address and the account that it was given for: whoever may change a line, yet does not know
 * its secrets, must not make requests that are signed with them go elsewhere.
 */
export function refuseKeptSecrets(definition: ChannelDefinition, stored: ProviderConfig, change: ProviderConfig): void {
  const missing = definition.secretFields.filter((name) => name in stored && !(name in change));
  if (missing.length === 0 || !leadsElsewhere(definition, stored, mergeConfig(stored, change))) return;
  const message = "更换地址或账户时须一并重新填写 · has to be given again where the address or the account changes";
  throw new Refusal("invalid", "The secrets are kept for the address and the account that they were given for.", {
    fields: missing.map((name) => ({ field: `providerConfig.${name}`, message })),
  });
}

/** A stored config that its channel no longer reads leads nobody knows where. */
function leadsElsewhere(definition: ChannelDefinition, stored: ProviderConfig, next: ProviderConfig): boolean {
  const [from, to] = [definition.config.safeParse(stored), definition.config.safeParse(next)];
  if (!from.success || !to.success) return true;
  if (definition.accountKey(from.data) !== definition.accountKey(to.data)) return true;
  const addresses = (config: unknown): string =>
    JSON.stringify(definition.addressFields.map((name) => (config as ProviderConfig)[name]));
  return addresses(from.data) !== addresses(to.data);
}

/** What may be shown of a config. Without its channel nobody knows which fields are secret: then nothing is. */
export function shownConfig(
  definition: ChannelDefinition | null,
  config: ProviderConfig,
): { providerConfig: ProviderConfig; secretsSet: string[] } {
  if (definition === null) return { providerConfig: {}, secretsSet: [] };
  const secret = new Set(definition.secretFields);
  return {
    providerConfig: Object.fromEntries(Object.entries(config).filter(([name]) => !secret.has(name))),
    secretsSet: Object.keys(config).filter((name) => secret.has(name)),
  };
}

export function unknownChannel(field: string): Refusal {
  return new Refusal("invalid", "There is no such channel.", {
    fields: [{ field, message: "没有这种渠道 · no such channel; GET /api/v1/channels lists them" }],
  });
}
