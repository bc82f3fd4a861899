import { and, asc, eq } from "drizzle-orm";
import type { Channel, ChannelDefinition, PhoneNumber } from "../../channels/contract.ts";
import { accounts, callLines, type LinePrice } from "../../db/schema/index.ts";
import type { Context } from "../context.ts";
import { parsePhone } from "../domain/phone.ts";
import { createFresh } from "../fresh.ts";
import { type Network, readNetwork } from "../guard/addresses.ts";
import { errorFields } from "../log.ts";

/** A line as routing and calls need it: parsed, opened, with its kind of channel. */
export interface Line {
  id: number;
  tenant: string;
  accountId: string;
  webhookToken: string;
  name: string;
  channel: string;
  shownNumber: PhoneNumber | null;
  active: boolean;
  archived: boolean;
  health: string;
  price: LinePrice | null;
  /** Calls at a time; 0 = no limit. */
  maxConcurrent: number;
  /** Calls a day; 0 = no limit. */
  dailyLimit: number;
  /** Placements a second; 0 = no limit. */
  perSecond: number;
  config: unknown;
  webhookSecret: string | null;
  /** Whence pushes to the channel's fixed paths come. */
  webhookSenders: readonly Network[];
  definition: ChannelDefinition;
}

/** How lines are found and reached. Cached for a short time, told of changes made in this process. */
export interface Directory {
  /** All lines of a tenant, archived ones too (their calls may still run), by id. */
  linesOf(tenant: string): Promise<Line[]>;
  line(tenant: string, id: number): Promise<Line | null>;
  /** The account's lines, the one to speak for it first; empty for an unknown one. */
  accountLines(accountId: string): Promise<Line[]>;
  /** The same as it was last read, for code inside a transaction, which must wait for nothing else. */
  lastKnown(accountId: string): readonly Line[] | undefined;
  /** All lines of a tenant as they were last read, for the same. */
  lastLinesOf(tenant: string): readonly Line[];
  /** The account that a webhook token names, by its lines. */
  byToken(token: string): Promise<Line[]>;
  /** A channel's lines of all tenants, for pushes whose address names nobody. */
  ofChannel(channel: string): Promise<Line[]>;
  /** The adapter's instance for a line, made when first used. */
  channelOf(line: Line): Channel;
  /** The adapter for a config that is not saved. The caller closes it. */
  trial(definition: ChannelDefinition, config: unknown): Channel;
  changed(tenant: string): void;
  close(): Promise<void>;
}

export interface DirectoryTools {
  loadChannel(name: string): Promise<ChannelDefinition | null>;
  /** Lines name the addresses, so that not every one may be reached. */
  fetch(request: Request): Promise<Response>;
}

export function createDirectory(ctx: Context, tools: DirectoryTools): Directory {
  const tenantOfToken = new Map<string, string>();
  const tenantOfAccount = new Map<string, string>();
  const lastLines = new Map<string, Line[]>();
  const lastOfTenant = new Map<string, Line[]>();
  const instances = new Map<string, { config: string; channel: Channel }>();

  async function load(tenant: string): Promise<Line[]> {
    const found = await ctx.db.run((q) =>
      q
        .select({ line: callLines, token: accounts.webhookToken })
        .from(callLines)
        .innerJoin(accounts, eq(accounts.id, callLines.accountId))
        .where(eq(callLines.tenant, tenant))
        .orderBy(asc(callLines.id)),
    );
    const lines: Line[] = [];
    for (const { line, token } of found) {
      const definition = await tools.loadChannel(line.providerType);
      if (definition === null) {
        ctx.log.warn(
          { tenant, lineId: line.id, channel: line.providerType },
          "line of a channel that this build does not have",
        );
        continue;
      }
      const parsed = definition.config.safeParse(JSON.parse(ctx.seal.open(tenant, line.providerConfig)));
      if (!parsed.success) {
        ctx.log.warn(
          { tenant, lineId: line.id, channel: line.providerType },
          "line with a config that no longer fits its channel",
        );
        continue;
      }
      tenantOfAccount.set(line.accountId, tenant);
      tenantOfToken.set(token, tenant);
      lines.push({
        id: line.id,
        tenant,
        accountId: line.accountId,
        webhookToken: token,
        name: line.name,
        channel: line.providerType,
        shownNumber: line.callerNumber === null ? null : parsePhone(line.callerNumber),
        active: line.status === "active",
        archived: line.archived !== null,
        health: line.health,
        price: line.price,
        maxConcurrent: line.maxConcurrent,
        dailyLimit: line.dailyLimit,
        perSecond: line.perSecond,
        config: parsed.data,
        webhookSecret: line.webhookSecret === null ? null : ctx.seal.open(tenant, line.webhookSecret),
        webhookSenders: (line.webhookSenders ?? []).map(readNetwork),
        definition,
      });
    }
    lastOfTenant.set(tenant, lines);
    return lines;
  }

  const byTenant = createFresh(ctx.clock, load);
  const linesOf = byTenant.of;

  const speakersFirst = (one: Line, other: Line): number =>
    Number(one.archived) - Number(other.archived) || Number(other.active) - Number(one.active) || one.id - other.id;

  async function accountLines(accountId: string): Promise<Line[]> {
    const tenant = tenantOfAccount.get(accountId) ?? (await ownerOf({ id: accountId }));
    const lines = tenant === null ? [] : await linesOf(tenant);
    const ofAccount = lines.filter((line) => line.accountId === accountId).sort(speakersFirst);
    lastLines.set(accountId, ofAccount);
    return ofAccount;
  }

  async function ownerOf(by: { id: string } | { token: string }): Promise<string | null> {
    const which = "id" in by ? eq(accounts.id, by.id) : eq(accounts.webhookToken, by.token);
    const [owner] = await ctx.db.run((q) => q.select({ tenant: accounts.tenant }).from(accounts).where(and(which)));
    return owner?.tenant ?? null;
  }

  const tenantsWith = createFresh(ctx.clock, async (channel) => {
    const found = await ctx.db.run((q) =>
      q.selectDistinct({ tenant: accounts.tenant }).from(accounts).where(eq(accounts.channel, channel)),
    );
    return found.map(({ tenant }) => tenant);
  });

  async function ofChannel(channel: string): Promise<Line[]> {
    const all = await Promise.all((await tenantsWith.of(channel)).map(linesOf));
    return all
      .flat()
      .filter((line) => line.channel === channel)
      .sort(speakersFirst);
  }

  function channelOf(line: Line): Channel {
    const config = JSON.stringify(line.config);
    const key = `${line.tenant}/${line.id}`;
    const known = instances.get(key);
    if (known?.config === config) return known.channel;
    known?.channel
      .close()
      .catch((error) => ctx.log.warn({ ...errorFields(error), lineId: line.id }, "channel did not close"));
    const channel = trial(line.definition, line.config);
    instances.set(key, { config, channel });
    return channel;
  }

  function trial(definition: ChannelDefinition, config: unknown): Channel {
    return definition.create(config, {
      fetch: tools.fetch,
      now: () => ctx.clock.now(),
      randomId: () => Buffer.from(ctx.randomBytes(16)).toString("hex"),
    });
  }

  return {
    linesOf,
    async line(tenant, id) {
      return (await linesOf(tenant)).find((line) => line.id === id) ?? null;
    },
    accountLines,
    lastLinesOf: (tenant) => lastOfTenant.get(tenant) ?? [],
    lastKnown: (accountId) => lastLines.get(accountId),
    async byToken(token) {
      const tenant = tenantOfToken.get(token) ?? (await ownerOf({ token }));
      if (tenant === null) return [];
      return (await linesOf(tenant)).filter((line) => line.webhookToken === token).sort(speakersFirst);
    },
    ofChannel,
    channelOf,
    trial,
    changed: byTenant.forget,
    async close() {
      await Promise.allSettled([...instances.values()].map(({ channel }) => channel.close()));
    },
  };
}
