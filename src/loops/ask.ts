import { sql } from "drizzle-orm";
import type { Followed } from "../../channels/contract.ts";
import { ChannelError } from "../../channels/errors.ts";
import { callAttempts } from "../../db/schema/index.ts";
import { changed, rows, textArray } from "../../db/sql.ts";
import { type CallContext, placeTimeoutMs } from "../calls/context.ts";
import { type Found, findAttempt, orphanedBefore } from "../calls/find.ts";
import type { Attempt } from "../calls/open.ts";
import { placedCall } from "../calls/order.ts";
import { settle } from "../calls/settle.ts";
import type { Accept } from "../inbox/accept.ts";
import type { Line } from "../lines/directory.ts";
import { errorFields } from "../log.ts";

const accountsAtOnce = 50;
const orphansAtOnce = 100;
/** A silent call of a pushing provider is asked for again after this long. */
const silentAgainMs = 60_000;

/** Takes up what a crash left: attempts that were sent and never settled count as unknown, and are looked up. */
export async function takeUpOrphans(ctx: CallContext): Promise<boolean> {
  const before = orphanedBefore(ctx.clock.now()).toISOString();
  const left = await ctx.db.run((q) =>
    q.select().from(callAttempts).where(sql`outcome = 'sent' and open and sent < ${before}`).limit(orphansAtOnce),
  );
  for (const attempt of left) {
    const line = await ctx.directory.line(attempt.tenant, attempt.lineId);
    if (line === null) continue;
    const error = new ChannelError({ kind: "timeout", effect: "unknown", cause: "other", code: "left-behind" });
    ctx.log.warn(
      { callId: attempt.callId, lineId: line.id },
      "a placement was left behind; its provider will be asked",
    );
    await settle(ctx, line, { callId: attempt.callId, number: attempt.number }, { is: "unknown", error });
  }
  return left.length === orphansAtOnce;
}

/**
 * Asks providers about the calls that are due: each account by one instance at a time, within its quota. Returns true
 * when some account could be asked.
 */
export async function askProviders(ctx: CallContext, accept: Accept): Promise<boolean> {
  const now = ctx.clock.now();
  const due = await ctx.db.run((q) =>
    q.execute(sql`
      select distinct attempt.account_id, attempt.tenant from call_attempts attempt
      left join polls on polls.account_id = attempt.account_id and polls.kind = 'follow'
      where attempt.open and attempt.follow_due <= ${now.toISOString()}
        and (polls.account_id is null or (polls.due <= ${now.toISOString()} and polls.lease <= ${now.toISOString()}))
      limit ${accountsAtOnce}`),
  );
  const accounts = rows<{ account_id: string; tenant: string }>(due);
  const asked = await Promise.all(accounts.map((one) => askAccount(ctx, accept, one.account_id, one.tenant)));
  return asked.some(Boolean);
}

async function askAccount(ctx: CallContext, accept: Accept, accountId: string, tenant: string): Promise<boolean> {
  const lines = await ctx.directory.accountLines(accountId);
  const [speaker] = lines;
  if (speaker === undefined || !(await takeLease(ctx, accountId, tenant))) return false;
  const quota = speaker.definition.quota(speaker.config);
  // As many requests as the account has for one second: look-ups first, one call each, then live calls in batches.
  const requestsMax = Math.max(1, Math.floor(quota.followPerMinute / 60));
  let requests = 1;
  try {
    const due = await dueAttempts(ctx, accountId, requestsMax * quota.followBatchMax);
    const unknown = due.filter((attempt) => attempt.providerCallId === null).slice(0, requestsMax);
    const placed = due
      .filter((attempt) => attempt.providerCallId !== null)
      .slice(0, (requestsMax - unknown.length) * quota.followBatchMax);
    requests = unknown.length + Math.ceil(placed.length / quota.followBatchMax);
    if (placed.length > 0) await followCalls(ctx, accept, speaker, placed);
    for (const attempt of unknown) {
      const line = lines.find((one) => one.id === attempt.lineId) ?? speaker;
      const found = await findAttempt(ctx, line, attempt).catch((error): Found => {
        // A look-up that cannot be written (an id that is another call's) must not hold up those behind it.
        ctx.log.error({ ...errorFields(error), callId: attempt.callId, lineId: line.id }, "look-up was not settled");
        return { askNext: new Date(ctx.clock.now().getTime() + silentAgainMs) };
      });
      if (found !== "settled") await moveDue(ctx, [attempt], found.askNext);
    }
  } finally {
    const next = new Date(ctx.clock.now().getTime() + (60_000 / quota.followPerMinute) * requests);
    await ctx.db.run((q) =>
      q.execute(
        sql`update polls set due = ${next.toISOString()}, lease = '-infinity' where account_id = ${accountId} and kind = 'follow'`,
      ),
    );
  }
  return true;
}

/** One row per account is the quota of all instances together. */
async function takeLease(ctx: CallContext, accountId: string, tenant: string): Promise<boolean> {
  const now = ctx.clock.now();
  const until = new Date(now.getTime() + 2 * placeTimeoutMs).toISOString();
  const taken = await ctx.db.run((q) =>
    q.execute(sql`
      insert into polls as quota (account_id, kind, tenant, due, lease)
      values (${accountId}, 'follow', ${tenant}, ${now.toISOString()}, ${until})
      on conflict (account_id, kind) do update set lease = excluded.lease
      where quota.due <= ${now.toISOString()} and quota.lease <= ${now.toISOString()}`),
  );
  return changed(taken) === 1;
}

function dueAttempts(ctx: CallContext, accountId: string, limit: number): Promise<Attempt[]> {
  return ctx.db.run((q) =>
    q
      .select()
      .from(callAttempts)
      .where(sql`account_id = ${accountId} and open and follow_due <= ${ctx.clock.now().toISOString()}`)
      .orderBy(callAttempts.followDue)
      .limit(limit),
  );
}

/** What the provider says of live calls is stored like any push; what it cannot say is asked for again later. */
async function followCalls(ctx: CallContext, accept: Accept, line: Line, attempts: readonly Attempt[]): Promise<void> {
  const channel = ctx.directory.channelOf(line);
  const quota = line.definition.quota(line.config);
  const calls = attempts.flatMap((attempt) => placedCall(attempt) ?? []);
  const rest = line.definition.polled(line.config) ? quota.followEveryMs : silentAgainMs;
  let answers: Followed[] = [];
  try {
    if (channel.follow !== undefined) answers = await channel.follow(calls, AbortSignal.timeout(placeTimeoutMs));
  } catch (error) {
    ctx.log.warn(
      { ...errorFields(error), accountId: line.accountId, channel: line.channel },
      "asking for live calls failed",
    );
  }
  const unanswered = answers.filter((answer) => "error" in answer);
  if (unanswered.length > 0) {
    const about = { accountId: line.accountId, channel: line.channel, count: unanswered.length };
    ctx.log.info(
      { ...about, cause: unanswered[0]?.error.cause ?? "other" },
      "the provider could not tell of some live calls",
    );
  }
  const received = ctx.clock.now();
  const { tenant, accountId, channel: name } = line;
  await accept.accept(
    answers.flatMap((answer) =>
      "delivery" in answer
        ? [{ tenant, accountId, channel: name, source: "follow" as const, received, delivery: answer.delivery }]
        : [],
    ),
  );
  await moveDue(ctx, attempts, new Date(received.getTime() + rest));
}

async function moveDue(ctx: CallContext, attempts: readonly Attempt[], due: Date | null): Promise<void> {
  await ctx.db.run((q) =>
    q.execute(sql`
      update call_attempts set follow_due = ${due?.toISOString() ?? null}::timestamptz
      from unnest(${textArray(attempts.map((one) => one.callId))}, ${textArray(attempts.map((one) => one.number))}) as asked(id, n)
      where call_attempts.call_id = asked.id and call_attempts.number = asked.n::int and open`),
  );
}
