import { makeKey } from "../auth/keys.ts";
import { scopes } from "../auth/principal.ts";
import { listTenants, makeTenant } from "../auth/tenants.ts";
import type { Context } from "../context.ts";
import { say, WrongUse } from "./words.ts";

export function tenantCommand([verb, id, name, ...more]: string[]): (ctx: Context) => Promise<void> {
  if (verb === "list" && id === undefined) return list;
  if (verb !== "make" || id === undefined || more.length > 0) throw new WrongUse();
  return (ctx) => make(ctx, id, name ?? id);
}

async function make(ctx: Context, id: string, name: string): Promise<void> {
  await makeTenant(ctx, id, name);
  const { id: keyId, key } = await makeKey(ctx, id, { name: "first", scopes });
  say(`租户 · tenant: ${id}`);
  say(`密钥（只显示这一次） · key (shown this once): ${key}`);
  say(`密钥编号 · key id: ${keyId}`);
}

async function list(ctx: Context): Promise<void> {
  for (const { id, name, created } of await listTenants(ctx)) say(`${id}\t${name}\t${created}`);
}
