/** What a key may do: call = dial, hang up, control · read = records · manage = lines, agents, keys · ops = health. */
export const scopes = ["call", "read", "manage", "ops"] as const;
export type Scope = (typeof scopes)[number];

/** Who asks: always of one tenant. */
export interface Principal {
  tenant: string;
  keyId: string;
  scopes: readonly Scope[];
}
