import { and, asc, count, eq, gt } from "drizzle-orm";
import type { ChannelDefinition } from "../../channels/contract.ts";
import type { Query } from "../../db/client.ts";
import { agents, bindings, callLines } from "../../db/schema/index.ts";
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import { Refusal } from "../domain/refusal.ts";
import { unknownChannel } from "./config.ts";

/** 用户-坐席-渠道: whom to ring for a user, and over what. The lowest priority is tried first. */
export interface Binding {
  id: string;
  userId: string;
  agentId: string | null;
  channel: string | null;
  lineId: number | null;
  priority: number;
  /** Null leaves it to the tenant's setting. */
  privacy: boolean | null;
}
export interface BindingView extends Binding {
  created: string;
  updated: string;
}

export interface NewBinding {
  userId: string;
  agentId?: string | null | undefined;
  channel?: string | null | undefined;
  lineId?: number | null | undefined;
  priority?: number | undefined;
  privacy?: boolean | null | undefined;
}
/** Absent fields stay as they are; null clears. */
export type BindingChange = { [Field in keyof NewBinding]?: NewBinding[Field] | undefined };

export type LoadChannel = (name: string) => Promise<ChannelDefinition | null>;

export const priorityDefault = 100;
const bindingsPerUserMax = 100;
type Row = typeof bindings.$inferSelect;

export async function createBinding(
  ctx: Context,
  loadChannel: LoadChannel,
  tenant: string,
  binding: NewBinding,
): Promise<BindingView> {
  await checkChannel(loadChannel, binding.channel);
  const now = ctx.clock.now();
  const row: Row = {
    id: `bind_${randomLetters(16, ctx.randomBytes)}`,
    tenant,
    userId: binding.userId,
    agentId: binding.agentId ?? null,
    channel: binding.channel ?? null,
    lineId: binding.lineId ?? null,
    priority: binding.priority ?? priorityDefault,
    privacy: binding.privacy ?? null,
    created: now,
    updated: now,
  };
  await ctx.db.tx(async (q) => {
    await check(q, row);
    await refuseTooMany(q, row);
    await q.insert(bindings).values(row);
  });
  return show(row);
}

export async function updateBinding(
  ctx: Context,
  loadChannel: LoadChannel,
  tenant: string,
  id: string,
  change: BindingChange,
): Promise<BindingView> {
  await checkChannel(loadChannel, change.channel);
  const now = ctx.clock.now();
  const mine = and(eq(bindings.tenant, tenant), eq(bindings.id, id));
  const row = await ctx.db.tx(async (q) => {
    const [kept] = await q.select().from(bindings).where(mine).for("update");
    if (kept === undefined) throw noBinding();
    const changed: Row = {
      ...kept,
      userId: change.userId ?? kept.userId,
      agentId: change.agentId === undefined ? kept.agentId : change.agentId,
      channel: change.channel === undefined ? kept.channel : change.channel,
      lineId: change.lineId === undefined ? kept.lineId : change.lineId,
      priority: change.priority ?? kept.priority,
      privacy: change.privacy === undefined ? kept.privacy : change.privacy,
      updated: now,
    };
    await check(q, changed);
    if (changed.userId !== kept.userId) await refuseTooMany(q, changed);
    await q.update(bindings).set(changed).where(mine);
    return changed;
  });
  return show(row);
}

async function checkChannel(loadChannel: LoadChannel, channel: string | null | undefined): Promise<void> {
  if (channel != null && (await loadChannel(channel)) === null) throw unknownChannel("channel");
}

/** What a binding names must exist in its tenant and fit together. The agent's row is held: nobody deletes it now. */
async function check(q: Query, row: Row): Promise<void> {
  if (row.agentId === null && row.channel === null && row.lineId === null)
    throw invalid("agentId", "agentId、channel、lineId 至少填一项 · at least one of agentId, channel, lineId");
  if (row.agentId !== null) {
    const [agent] = await q
      .select({ id: agents.id })
      .from(agents)
      .where(and(eq(agents.tenant, row.tenant), eq(agents.id, row.agentId)))
      .for("key share");
    if (agent === undefined) throw invalid("agentId", "没有这个坐席 · no such agent");
  }
  if (row.lineId === null) return;
  const [line] = await q
    .select({ channel: callLines.providerType, archived: callLines.archived })
    .from(callLines)
    .where(and(eq(callLines.tenant, row.tenant), eq(callLines.id, row.lineId)));
  if (line === undefined || line.archived !== null) throw invalid("lineId", "没有这条线路 · no such line");
  if (row.channel !== null && row.channel !== line.channel)
    throw invalid("channel", "与线路的渠道不一致 · not the line's channel");
}

function invalid(field: string, message: string): Refusal {
  return new Refusal("invalid", "The binding does not fit.", { fields: [{ field, message }] });
}

async function refuseTooMany(q: Query, { tenant, userId }: Row): Promise<void> {
  const ofUser = and(eq(bindings.tenant, tenant), eq(bindings.userId, userId));
  const [found] = await q.select({ bound: count() }).from(bindings).where(ofUser);
  if ((found?.bound ?? 0) >= bindingsPerUserMax)
    throw new Refusal("conflict", `A user has at most ${bindingsPerUserMax} bindings.`);
}

/** A user's bindings in the order in which they are tried. */
export async function bindingsOf(ctx: Context, tenant: string, userId: string): Promise<Binding[]> {
  const found = await ctx.db.run((q) =>
    q
      .select()
      .from(bindings)
      .where(and(eq(bindings.tenant, tenant), eq(bindings.userId, userId)))
      .orderBy(asc(bindings.priority), asc(bindings.id))
      .limit(bindingsPerUserMax),
  );
  return found.map(({ tenant: _, created: __, updated: ___, ...binding }) => binding);
}

export async function getBinding(ctx: Context, tenant: string, id: string): Promise<BindingView> {
  const [found] = await ctx.db.run((q) =>
    q
      .select()
      .from(bindings)
      .where(and(eq(bindings.tenant, tenant), eq(bindings.id, id))),
  );
  if (found === undefined) throw noBinding();
  return show(found);
}

export async function listBindings(
  ctx: Context,
  tenant: string,
  page: { limit: number; after: string; userId: string | null; agentId: string | null },
): Promise<BindingView[]> {
  const { after, userId, agentId } = page;
  const wanted = and(
    eq(bindings.tenant, tenant),
    gt(bindings.id, after),
    userId === null ? undefined : eq(bindings.userId, userId),
    agentId === null ? undefined : eq(bindings.agentId, agentId),
  );
  const found = await ctx.db.run((q) =>
    q.select().from(bindings).where(wanted).orderBy(asc(bindings.id)).limit(page.limit),
  );
  return found.map(show);
}

export async function deleteBinding(ctx: Context, tenant: string, id: string): Promise<void> {
  const mine = and(eq(bindings.tenant, tenant), eq(bindings.id, id));
  const gone = await ctx.db.run((q) => q.delete(bindings).where(mine).returning({ id: bindings.id }));
  if (gone.length === 0) throw noBinding();
}

const noBinding = (): Refusal => new Refusal("not_found", "There is no such binding.");

function show({ tenant: _, ...row }: Row): BindingView {
  return { ...row, created: row.created.toISOString(), updated: row.updated.toISOString() };
}
