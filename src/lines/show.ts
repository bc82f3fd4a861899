import { and, count, eq, inArray, sql } from "drizzle-orm";
import type { ChannelDefinition } from "../../channels/contract.ts";
import { callAttempts, type callLines, type LinePrice } from "../../db/schema/index.ts";
import { rows, textArray } from "../../db/sql.ts";
import type { SettingsBook } from "../auth/settings.ts";
import type { Context } from "../context.ts";
import { dayOf } from "../domain/day.ts";
import { type ProviderConfig, shownConfig, storedConfig } from "./config.ts";

/** A line as people and apps see it: the requirements' fields, then ours. No secret is among them. */
export interface LineView {
  id: number;
  name: string;
  providerType: string;
  callerNumber: string | null;
  status: "active" | "inactive";
  maxConcurrent: number;
  currentConcurrent: number;
  dailyLimit: number;
  /** Placements a second; 0 = no limit. */
  perSecond: number;
  /** Accepted placements of today, in the tenant's zone. */
  todayCount: number;
  health: string;
  simulated: boolean;
  price: LinePrice | null;
  providerConfig: ProviderConfig;
  secretsSet: string[];
  webhookUrl: string;
  webhookSecretSet: boolean;
  webhookSenders: string[];
  /** What the line is able to do; null where this version cannot read its config. */
  can: LineAbilities | null;
  created: string;
  updated: string;
  archived: string | null;
}

export interface LineAbilities {
  honours: string[];
  controls: string[];
  hangup: boolean;
  live: "reliable" | "lossy" | "none";
  neverTold: string[];
}

interface Found {
  line: typeof callLines.$inferSelect;
  token: string;
}

interface Tools {
  settings: SettingsBook;
  loadChannel(name: string): Promise<ChannelDefinition | null>;
  publicUrl(): string;
}

export async function showLine(
  ctx: Context,
  tools: Tools,
  tenant: string,
  found: readonly Found[],
): Promise<LineView[]> {
  const running = await runningOn(ctx, found);
  const placed = await placedToday(ctx, tools, tenant, found);
  const views: LineView[] = [];
  for (const { line, token } of found) {
    const definition = await tools.loadChannel(line.providerType);
    const config = storedConfig(ctx.seal.open(tenant, line.providerConfig));
    views.push({
      id: line.id,
      name: line.name,
      providerType: line.providerType,
      callerNumber: line.callerNumber,
      status: line.status === "active" ? "active" : "inactive",
      maxConcurrent: line.maxConcurrent,
      currentConcurrent: running.get(line.id) ?? 0,
      dailyLimit: line.dailyLimit,
      perSecond: line.perSecond,
      todayCount: placed.get(line.id) ?? 0,
      health: line.health,
      simulated: definition?.simulated ?? false,
      price: line.price,
      ...shownConfig(definition, config),
      webhookUrl: `${tools.publicUrl()}/api/v1/calls/webhook/${line.providerType}/${token}`,
      webhookSecretSet: line.webhookSecret !== null,
      webhookSenders: line.webhookSenders ?? [],
      can: abilities(definition, config),
      created: line.created.toISOString(),
      updated: line.updated.toISOString(),
      archived: line.archived?.toISOString() ?? null,
    });
  }
  return views;
}

function abilities(definition: ChannelDefinition | null, config: ProviderConfig): LineAbilities | null {
  const parsed = definition?.config.safeParse(config);
  if (definition == null || !parsed?.success) return null;
  return {
    honours: [...definition.honours(parsed.data)],
    controls: [...definition.controls(parsed.data)],
    hangup: definition.canHangUp(parsed.data),
    live: definition.live(parsed.data),
    neverTold: [...(definition.cannotKnow?.(parsed.data) ?? [])],
  };
}

/** Placements that providers have accepted, or may have, since the tenant's day began. */
async function placedToday(
  ctx: Context,
  { settings }: Tools,
  tenant: string,
  found: readonly Found[],
): Promise<Map<number, number>> {
  if (found.length === 0) return new Map();
  const { timeZone } = await settings.of(tenant);
  const counted = await ctx.db.run((q) =>
    q.execute(sql`
      select line_id, count(*)::int as placed from call_records
      where tenant = ${tenant} and line_id = any(${textArray(found.map(({ line }) => line.id))}::int[])
        and created >= ${dayOf(timeZone, ctx.clock.now()).start.toISOString()}
        and (state <> 'close' or provider_call_id is not null or hangup_cause = 'TIMEOUT')
      group by line_id`),
  );
  return new Map(rows<{ line_id: number; placed: number }>(counted).map((row) => [row.line_id, row.placed]));
}

/** Calls under way, by line. Through the accounts, since open attempts are indexed by them. */
async function runningOn(ctx: Context, found: readonly Found[]): Promise<Map<number, number>> {
  if (found.length === 0) return new Map();
  const accountIds = [...new Set(found.map(({ line }) => line.accountId))];
  const counted = await ctx.db.run((q) =>
    q
      .select({ lineId: callAttempts.lineId, running: count() })
      .from(callAttempts)
      .where(and(inArray(callAttempts.accountId, accountIds), eq(callAttempts.open, true)))
      .groupBy(callAttempts.lineId),
  );
  return new Map(counted.map(({ lineId, running }) => [lineId, running]));
}
