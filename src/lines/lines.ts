import { and, asc, count, eq, gt, isNull } from "drizzle-orm";
import type { ChannelDefinition } from "../../channels/contract.ts";
import type { Query } from "../../db/client.ts";
import { accounts, callLines, type LinePrice } from "../../db/schema/index.ts";
import type { SettingsBook } from "../auth/settings.ts";
import type { Context } from "../context.ts";
import { parsePhone, samePhone } from "../domain/phone.ts";
import { Refusal } from "../domain/refusal.ts";
import { accountOf } from "./accounts.ts";
import {
  checkConfig,
  mergeConfig,
  type ProviderConfig,
  refuseKeptSecrets,
  storedConfig,
  unknownChannel,
} from "./config.ts";
import type { Directory } from "./directory.ts";
import { type LineView, showLine } from "./show.ts";

/** What the verbs below need beside the context. */
export interface LineTools {
  settings: SettingsBook;
  directory: Directory;
  loadChannel(name: string): Promise<ChannelDefinition | null>;
  /** What providers reach us at, without a slash at its end. */
  publicUrl(): string;
}

export interface NewLine {
  name: string;
  providerType: string;
  callerNumber?: string | null | undefined;
  providerConfig: ProviderConfig;
  webhookSecret?: string | null | undefined;
  webhookSenders?: string[] | null | undefined;
  status?: "active" | "inactive" | undefined;
  maxConcurrent?: number | undefined;
  dailyLimit?: number | undefined;
  perSecond?: number | undefined;
  price?: LinePrice | null | undefined;
}
/** Absent fields stay as they are; null clears those that may be empty. A line's channel never changes. */
export type LineChange = { [Field in Exclude<keyof NewLine, "providerType">]?: NewLine[Field] | undefined };

/** The directory holds a tenant's lines in memory. */
const linesMax = 1_000;

export async function createLine(ctx: Context, tools: LineTools, tenant: string, line: NewLine): Promise<LineView> {
  const definition = await tools.loadChannel(line.providerType);
  if (definition === null) throw unknownChannel("providerType");
  const given = mergeConfig({}, line.providerConfig);
  const config = checkConfig(definition, given);
  const now = ctx.clock.now();
  const row = {
    tenant,
    name: line.name,
    providerType: definition.provider,
    providerConfig: ctx.seal.text(tenant, JSON.stringify(given)),
    callerNumber: shownNumber(line.callerNumber ?? null),
    webhookSecret: line.webhookSecret == null ? null : ctx.seal.text(tenant, line.webhookSecret),
    webhookSenders: line.webhookSenders ?? null,
    status: line.status ?? "active",
    maxConcurrent: line.maxConcurrent ?? 0,
    dailyLimit: line.dailyLimit ?? 0,
    perSecond: line.perSecond ?? 0,
    price: line.price ?? null,
    created: now,
    updated: now,
  };
  const id = await ctx.db.tx(async (q) => {
    await refuseTooMany(q, tenant);
    const account = await accountOf(q, ctx, tenant, definition, config);
    const [made] = await q
      .insert(callLines)
      .values({ ...row, accountId: account.id })
      .returning({ id: callLines.id });
    return made?.id ?? 0;
  });
  tools.directory.changed(tenant);
  return getLine(ctx, tools, tenant, id);
}

async function refuseTooMany(q: Query, tenant: string): Promise<void> {
  const [lines] = await q
    .select({ live: count() })
    .from(callLines)
    .where(and(eq(callLines.tenant, tenant), isNull(callLines.archived)));
  if ((lines?.live ?? 0) >= linesMax) throw new Refusal("conflict", `A tenant has at most ${linesMax} lines.`);
}

/** Kept in national form, as it is printed on cards; a foreign number in the form that is read back as itself. */
function shownNumber(text: string | null): string | null {
  if (text === null) return null;
  const phone = parsePhone(text);
  if (phone !== null) {
    const national = phone.national();
    return samePhone(parsePhone(national), phone) ? national : phone.reveal();
  }
  throw new Refusal("invalid", "callerNumber is not a phone number.", {
    fields: [{ field: "callerNumber", message: "不是有效的电话号码 · not a phone number" }],
  });
}

/** By id, archived lines too. */
export async function getLine(ctx: Context, tools: LineTools, tenant: string, id: number): Promise<LineView> {
  const [found] = await readLines(ctx, tools, tenant, { id });
  if (found === undefined) throw noLine();
  return found;
}

export function listLines(
  ctx: Context,
  tools: LineTools,
  tenant: string,
  page: { limit: number; after: number; archived: boolean },
): Promise<LineView[]> {
  return readLines(ctx, tools, tenant, page);
}

async function readLines(
  ctx: Context,
  tools: LineTools,
  tenant: string,
  which: { id: number } | { limit: number; after: number; archived: boolean },
): Promise<LineView[]> {
  const one = "id" in which;
  const found = await ctx.db.run((q) =>
    q
      .select({ line: callLines, token: accounts.webhookToken })
      .from(callLines)
      .innerJoin(accounts, eq(accounts.id, callLines.accountId))
      .where(
        and(
          eq(callLines.tenant, tenant),
          one ? eq(callLines.id, which.id) : gt(callLines.id, which.after),
          one || which.archived ? undefined : isNull(callLines.archived),
        ),
      )
      .orderBy(asc(callLines.id))
      .limit(one ? 1 : which.limit),
  );
  return showLine(ctx, tools, tenant, found);
}

export async function updateLine(
  ctx: Context,
  tools: LineTools,
  tenant: string,
  id: number,
  change: LineChange,
): Promise<LineView> {
  const { providerType } = await getLine(ctx, tools, tenant, id);
  const definition = await tools.loadChannel(providerType);
  const now = ctx.clock.now();
  await ctx.db.tx(async (q) => {
    const mine = and(eq(callLines.tenant, tenant), eq(callLines.id, id));
    const [line] = await q.select().from(callLines).where(mine).for("update");
    if (line === undefined) throw noLine();
    if (line.archived !== null) throw new Refusal("conflict", "The line is archived: it can no longer be changed.");
    const set: Partial<typeof callLines.$inferInsert> = { updated: now };
    if (change.name !== undefined) set.name = change.name;
    if (change.callerNumber !== undefined) set.callerNumber = shownNumber(change.callerNumber);
    if (change.status !== undefined) set.status = change.status;
    if (change.maxConcurrent !== undefined) set.maxConcurrent = change.maxConcurrent;
    if (change.dailyLimit !== undefined) set.dailyLimit = change.dailyLimit;
    if (change.perSecond !== undefined) set.perSecond = change.perSecond;
    if (change.price !== undefined) set.price = change.price;
    if (change.webhookSecret !== undefined)
      set.webhookSecret = change.webhookSecret === null ? null : ctx.seal.text(tenant, change.webhookSecret);
    if (change.webhookSenders !== undefined) set.webhookSenders = change.webhookSenders;
    if (change.providerConfig !== undefined) {
      if (definition === null) throw new Refusal("conflict", "This build does not have the line's channel.");
      const stored = storedConfig(ctx.seal.open(tenant, line.providerConfig));
      const merged = mergeConfig(stored, change.providerConfig);
      const config = checkConfig(definition, merged);
      refuseKeptSecrets(definition, stored, change.providerConfig);
      const account = await accountOf(q, ctx, tenant, definition, config);
      set.providerConfig = ctx.seal.text(tenant, JSON.stringify(merged));
      set.accountId = account.id;
    }
    await q.update(callLines).set(set).where(mine);
  });
  tools.directory.changed(tenant);
  return getLine(ctx, tools, tenant, id);
}

/** Takes a line out of use for good. It stays readable, since its calls' records name it. */
export async function archiveLine(ctx: Context, tools: LineTools, tenant: string, id: number): Promise<void> {
  const now = ctx.clock.now();
  const mine = and(eq(callLines.tenant, tenant), eq(callLines.id, id));
  const found = await ctx.db.tx(async (q) => {
    const [line] = await q.select({ archived: callLines.archived }).from(callLines).where(mine).for("update");
    if (line?.archived === null) await q.update(callLines).set({ archived: now, updated: now }).where(mine);
    return line !== undefined;
  });
  if (!found) throw noLine();
  tools.directory.changed(tenant);
}

export const noLine = (): Refusal => new Refusal("not_found", "There is no such line.");
