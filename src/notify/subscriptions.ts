import { and, asc, count, eq, sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { subscriptions } from "../../db/schema/index.ts";
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import { Refusal } from "../domain/refusal.ts";
import type { Guard } from "../guard/guard.ts";
import { refusalTexts } from "../guard/url.ts";
import { type Attempt, attempt } from "./attempt.ts";
import { storeTest } from "./deliveries.ts";
import { envelope, eventIdOf, testTopic } from "./envelope.ts";
import { liveSecrets, newSecret, openSecrets, overlapMs, sealSecrets, secretsMax } from "./secret.ts";

export const subscriptionIdPattern = /^sub_[a-z0-9]{16}$/;
const perTenantMax = 100;

export interface SubscriptionView {
  id: string;
  url: string;
  events: string[];
  active: boolean;
  description: string | null;
  health: {
    /** open: nothing gets through; one request at a time is tried. */
    state: "ok" | "failing" | "open";
    failures: number;
    failingSince: string | null;
    /** When the next request is tried. */
    openUntil: string | null;
    gone: string | null;
  };
  created: string;
  updated: string;
}

export interface NewSubscription {
  url: string;
  events: readonly string[];
  active?: boolean | undefined;
  description?: string | null | undefined;
}
export type SubscriptionChange = { [Field in keyof NewSubscription]?: NewSubscription[Field] | undefined };

type Row = typeof subscriptions.$inferSelect;

/** The secret is returned this once. */
export async function createSubscription(
  ctx: Context,
  guard: Guard,
  tenant: string,
  wanted: NewSubscription,
): Promise<{ subscription: SubscriptionView; secret: string }> {
  await refuseAddress(guard, wanted.url);
  const now = ctx.clock.now();
  const secret = newSecret(ctx.randomBytes);
  const row: Row = {
    tenant,
    id: `sub_${randomLetters(16, ctx.randomBytes)}`,
    urlSealed: ctx.seal.text(tenant, wanted.url),
    events: [...new Set(wanted.events)],
    active: wanted.active ?? true,
    description: wanted.description ?? null,
    secretsSealed: sealSecrets(ctx, tenant, [{ text: secret, until: null }]),
    ...well,
    created: now,
    updated: now,
  };
  await ctx.db.tx(async (q) => {
    const [had] = await q.select({ times: count() }).from(subscriptions).where(eq(subscriptions.tenant, tenant));
    if ((had?.times ?? 0) >= perTenantMax)
      throw new Refusal("conflict", `A tenant has at most ${perTenantMax} subscriptions: delete some.`);
    await q.insert(subscriptions).values(row);
  });
  return { subscription: show(ctx, row), secret };
}

/** How a subscription begins, and begins anew at another address. */
const well = { failures: 0, failingSince: null, openUntil: null, gone: null };

async function refuseAddress(guard: Guard, url: string): Promise<void> {
  const reason = await guard.check(url);
  if (reason === null) return;
  throw new Refusal("invalid", "The url cannot be used.", {
    fields: [{ field: "url", message: refusalTexts[reason] }],
  });
}

export async function listSubscriptions(
  ctx: Context,
  tenant: string,
  page: { limit: number; after: string | null },
): Promise<SubscriptionView[]> {
  const { after, limit } = page;
  const behind =
    after === null
      ? undefined
      : sql`(${subscriptions.created}, ${subscriptions.id}) > (
          select made.created, made.id from ${subscriptions} made where made.tenant = ${tenant} and made.id = ${after})`;
  const found = await ctx.db.run((q) =>
    q
      .select()
      .from(subscriptions)
      .where(and(eq(subscriptions.tenant, tenant), behind))
      .orderBy(asc(subscriptions.created), asc(subscriptions.id))
      .limit(limit),
  );
  return found.map((row) => show(ctx, row));
}

export async function getSubscription(ctx: Context, tenant: string, id: string): Promise<SubscriptionView> {
  return show(ctx, await ctx.db.run((q) => rowOf(q, tenant, id)));
}

const mine = (tenant: string, id: string) => and(eq(subscriptions.tenant, tenant), eq(subscriptions.id, id));

async function rowOf(q: Query, tenant: string, id: string, lock = false): Promise<Row> {
  const found = q.select().from(subscriptions).where(mine(tenant, id));
  const [row] = await (lock ? found.for("update") : found);
  if (row === undefined) throw new Refusal("not_found", "There is no such subscription.");
  return row;
}

export async function updateSubscription(
  ctx: Context,
  guard: Guard,
  tenant: string,
  id: string,
  change: SubscriptionChange,
): Promise<SubscriptionView> {
  await getSubscription(ctx, tenant, id);
  if (change.url !== undefined) await refuseAddress(guard, change.url);
  const now = ctx.clock.now();
  return ctx.db.tx(async (q) => {
    const kept = await rowOf(q, tenant, id, true);
    const row: Row = { ...kept, updated: laterThan(kept.updated, now) };
    if (change.url !== undefined) Object.assign(row, { urlSealed: ctx.seal.text(tenant, change.url), ...well });
    if (change.events !== undefined) row.events = [...new Set(change.events)];
    if (change.active !== undefined) row.active = change.active;
    if (change.description !== undefined) row.description = change.description;
    await q.update(subscriptions).set(row).where(mine(tenant, id));
    return show(ctx, row);
  });
}

/** Senders tell a changed subscription by this time: two changes within a millisecond must differ. */
function laterThan(before: Date, now: Date): Date {
  return new Date(Math.max(now.getTime(), before.getTime() + 1));
}

/** What waits goes with it; what was sent is no longer shown. */
export async function deleteSubscription(ctx: Context, tenant: string, id: string): Promise<void> {
  await ctx.db.tx(async (q) => {
    await rowOf(q, tenant, id, true);
    await q.delete(subscriptions).where(mine(tenant, id));
    await q.execute(sql`delete from notify_lanes where subscription_id = ${id}`);
  });
}

/** A new secret; the one until now signs beside it for a day, so that no webhook fails while it is exchanged. */
export async function rotateSecret(
  ctx: Context,
  tenant: string,
  id: string,
): Promise<{ secret: string; oldUntil: string }> {
  const now = ctx.clock.now();
  const until = now.getTime() + overlapMs;
  const secret = newSecret(ctx.randomBytes);
  await ctx.db.tx(async (q) => {
    const row = await rowOf(q, tenant, id, true);
    const live = liveSecrets(openSecrets(ctx, tenant, row.secretsSealed), now);
    if (live.length >= secretsMax)
      throw new Refusal("conflict", `At most ${secretsMax} secrets sign at once: wait until an old one has run out.`);
    const old = live.map((one) => ({ text: one.text, until: one.until ?? until }));
    const secretsSealed = sealSecrets(ctx, tenant, [{ text: secret, until: null }, ...old]);
    await q
      .update(subscriptions)
      .set({ secretsSealed, updated: laterThan(row.updated, now) })
      .where(mine(tenant, id));
  });
  return { secret, oldUntil: new Date(until).toISOString() };
}

/** Sends a test event now, whatever waits, and says what came of it. It is sent this once. */
export async function testSubscription(
  ctx: Context,
  guard: Guard,
  tenant: string,
  id: string,
  signal: AbortSignal,
): Promise<{ deliveryId: string; delivered: boolean; attempt: Attempt }> {
  const row = await ctx.db.run((q) => rowOf(q, tenant, id));
  const destination = {
    url: ctx.seal.open(tenant, row.urlSealed),
    secrets: openSecrets(ctx, tenant, row.secretsSealed),
  };
  const stored = await storeTest(ctx, tenant, id);
  const told = { seq: stored.seq, tenant, topic: testTopic, callId: "", version: 0, at: stored.at };
  const event = { id: eventIdOf(stored.seq), body: envelope(told, null) ?? "" };
  const outcome = await attempt(ctx, guard.send, destination, event, signal);
  if (outcome === null) throw new Refusal("unavailable", "The service stops.", { retryAfterSeconds: 1 });
  await stored.finish(outcome.delivered, outcome.attempt);
  return { deliveryId: event.id, delivered: outcome.delivered, attempt: outcome.attempt };
}

function show(ctx: Context, row: Row): SubscriptionView {
  return {
    id: row.id,
    url: ctx.seal.open(row.tenant, row.urlSealed),
    events: row.events,
    active: row.active,
    description: row.description,
    health: {
      state: row.openUntil !== null ? "open" : row.failures > 0 ? "failing" : "ok",
      failures: row.failures,
      failingSince: row.failingSince?.toISOString() ?? null,
      openUntil: row.openUntil?.toISOString() ?? null,
      gone: row.gone?.toISOString() ?? null,
    },
    created: row.created.toISOString(),
    updated: row.updated.toISOString(),
  };
}
