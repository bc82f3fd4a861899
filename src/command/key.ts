import { parseArgs } from "node:util";
import { listKeys, makeKey, revokeKey } from "../auth/keys.ts";
import { type Scope, scopes } from "../auth/principal.ts";
import type { Context } from "../context.ts";
import { Refusal } from "../domain/refusal.ts";
import { say, WrongUse } from "./words.ts";

const pageSize = 200;

export function keyCommand(args: string[]): (ctx: Context) => Promise<void> {
  const { values, positionals } = parse(args);
  const { tenant, name } = values;
  const [verb, id, ...more] = positionals;
  if (tenant === undefined || more.length > 0) throw new WrongUse();
  if (verb === "make" && name !== undefined && id === undefined) {
    const wanted = wantedScopes(values.scopes);
    return (ctx) => make(ctx, tenant, name, wanted);
  }
  if (verb === "list" && id === undefined) return (ctx) => list(ctx, tenant);
  if (verb === "revoke" && id !== undefined) return (ctx) => revoke(ctx, tenant, id);
  throw new WrongUse();
}

function parse(args: string[]) {
  const options = { tenant: { type: "string" }, name: { type: "string" }, scopes: { type: "string" } } as const;
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch {
    throw new WrongUse();
  }
}

function wantedScopes(text: string | undefined): Scope[] {
  const words = text === undefined ? [...scopes] : text.split(",").map((word) => word.trim());
  const wanted = scopes.filter((scope) => words.includes(scope));
  if (wanted.length === 0 || words.some((word) => !wanted.some((scope) => scope === word))) throw new WrongUse();
  return wanted;
}

async function make(ctx: Context, tenant: string, name: string, wanted: Scope[]): Promise<void> {
  const { id, key } = await makeKey(ctx, tenant, { name: name.slice(0, 100), scopes: wanted });
  say(`密钥（只显示这一次） · key (shown this once): ${key}`);
  say(`密钥编号 · key id: ${id}`);
}

async function list(ctx: Context, tenant: string): Promise<void> {
  for (let after: string | null = null; ; ) {
    const keys = await listKeys(ctx, tenant, { limit: pageSize, after });
    for (const { id, hint, name, scopes, created, revoked } of keys)
      say([id, `${hint}…`, name, scopes.join(","), created, revoked === null ? "" : `revoked ${revoked}`].join("\t"));
    const last = keys.at(-1);
    if (last === undefined || keys.length < pageSize) return;
    after = last.id;
  }
}

async function revoke(ctx: Context, tenant: string, id: string): Promise<void> {
  if (!(await revokeKey(ctx, tenant, id))) throw new Refusal("not_found", "There is no such key.");
  say(`已吊销 · revoked: ${id}`);
}
