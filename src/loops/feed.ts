import { sql } from "drizzle-orm";
import { rows } from "../../db/sql.ts";
import { type CallContext, placeTimeoutMs } from "../calls/context.ts";
import { storeArrivals } from "../inbox/accept.ts";
import { errorFields } from "../log.ts";

const feedsAtOnce = 20;
const restMaxMs = 300_000;

interface Feed {
  account_id: string;
  tenant: string;
  cursor: string | null;
  failures: number;
}

/** Reads on in the feeds that are due. What a feed gave and how far it was read are one commit. */
export async function readFeeds(ctx: CallContext): Promise<boolean> {
  const now = ctx.clock.now();
  const lease = new Date(now.getTime() + 2 * placeTimeoutMs).toISOString();
  const claimed = await ctx.db.run((q) =>
    q.execute(sql`
      update polls set lease = ${lease} where (account_id, kind) in (
        select account_id, kind from polls where kind = 'feed' and due <= ${now.toISOString()} and lease <= ${now.toISOString()}
        order by due limit ${feedsAtOnce} for update skip locked)
      returning account_id, tenant, cursor, failures`),
  );
  const feeds = rows<Feed>(claimed);
  await Promise.all(feeds.map((feed) => readFeed(ctx, feed)));
  return feeds.length === feedsAtOnce;
}

async function readFeed(ctx: CallContext, feed: Feed): Promise<void> {
  const { account_id: accountId, tenant } = feed;
  const [line] = await ctx.directory.accountLines(accountId);
  if (line === undefined) return;
  const everyMs = line.definition.quota(line.config).pollEveryMs;
  try {
    const batch = await ctx.directory.channelOf(line).poll?.(feed.cursor, AbortSignal.timeout(placeTimeoutMs));
    const received = ctx.clock.now();
    const about = { tenant, accountId, channel: line.channel, source: "poll" as const, received };
    const arrivals = (batch?.deliveries ?? []).map((delivery) => ({ ...about, delivery }));
    const due = new Date(received.getTime() + everyMs).toISOString();
    await ctx.db.tx(async (q) => {
      await storeArrivals(ctx, q, arrivals);
      await q.execute(sql`
        update polls set cursor = ${batch?.cursor ?? feed.cursor}, due = ${due}, lease = '-infinity', failures = 0
        where account_id = ${accountId} and kind = 'feed'`);
    });
    if (arrivals.length > 0) ctx.wakeDrain();
  } catch (error) {
    ctx.log.warn({ ...errorFields(error), accountId, channel: line.channel }, "reading a feed failed");
    const restMs = Math.min(restMaxMs, Math.max(everyMs, 1_000) * 2 ** Math.min(feed.failures, 8));
    const due = new Date(ctx.clock.now().getTime() + restMs).toISOString();
    await ctx.db.run((q) =>
      q.execute(sql`
        update polls set due = ${due}, lease = '-infinity', failures = least(failures + 1, 1000)
        where account_id = ${accountId} and kind = 'feed'`),
    );
  }
}
