import { and, eq } from "drizzle-orm";
import type { ChannelDefinition } from "../../channels/contract.ts";
import type { Query } from "../../db/client.ts";
import { accounts } from "../../db/schema/index.ts";
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";

const tokenLength = 32;

export interface Account {
  id: string;
  webhookToken: string;
}

/** The account that a config's credentials name, in the caller's transaction. Lines made at once agree on it. */
export async function accountOf(
  q: Query,
  ctx: Context,
  tenant: string,
  definition: ChannelDefinition,
  config: unknown,
): Promise<Account> {
  const channel = definition.provider;
  const keyHash = ctx.seal.index(tenant, `account:${channel}`, definition.accountKey(config));
  const columns = { id: accounts.id, webhookToken: accounts.webhookToken };
  const [made] = await q
    .insert(accounts)
    .values({
      id: `acct_${randomLetters(16, ctx.randomBytes)}`,
      tenant,
      channel,
      keyHash,
      webhookToken: `wh_${randomLetters(tokenLength, ctx.randomBytes)}`,
      created: ctx.clock.now(),
    })
    .onConflictDoNothing({ target: [accounts.tenant, accounts.channel, accounts.keyHash] })
    .returning(columns);
  if (made !== undefined) return made;
  // Whoever was first has committed by now: the insert above waited for it.
  const [known] = await q
    .select(columns)
    .from(accounts)
    .where(and(eq(accounts.tenant, tenant), eq(accounts.channel, channel), eq(accounts.keyHash, keyHash)));
  if (known === undefined) throw new Error("an account is neither new nor known");
  return known;
}
