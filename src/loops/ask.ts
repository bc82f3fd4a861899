import { sql } from "drizzle-orm";
import type { Followed } from "../../channels/contract.ts";
import { ChannelError } from "../../channels/errors.ts";
import { callAttempts } from "../../db/schema/index.ts";
import { rows, textArray } from "../../db/sql.ts";
import { type CallContext, placeTimeoutMs } from "../calls/context.ts";
import { type Found, findAttempt, orphanedBefore } from "../calls/find.ts";
import type { Attempt } from "../calls/open.ts";
import { placedCall } from "../calls/order.ts";
import type { Accept } from "../inbox/accept.ts";
import type { Line } from "../lines/directory.ts";
import { errorFields } from "../log.ts";

const accountsAtOnce = 50;
const orphansAtOnce = 100;
/** A silent call of a pushing provider is asked for again after this long. */
const silentAgainMs = 60_000;
/** Look-ups of one turn, all at the same time, so that none makes it longer than one of them may be. */
const lookUpsAtOnce = 50;
/** Half of it for the provider's answers, the rest for what is written of them. */
const turnMaxMs = 2 * placeTimeoutMs;
/** How long the others wait for an account's turn. */
const patienceMs = 1_000;
/** How late a turn may be at no cost: a tick of the duty's, and the answers of the one before. */
const lagMs = 1_000;

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
    const { tenant, callId, number } = attempt;
    await ctx.settle({ tenant, callId, number, line }, { is: "unknown", error });
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
  const turns = rows<{ account_id: string; tenant: string }>(due).map(({ account_id: id, tenant }) => {
    const turn = askAccount(ctx, accept, id, tenant)
      .catch((error) => {
        ctx.log.error({ ...errorFields(error), accountId: id, tenant }, "asking for live calls failed; tried again");
        return false;
      })
      .finally(() => ctx.underway.delete(turn));
    ctx.underway.add(turn);
    return turn;
  });
  // A provider that hangs keeps its own calls waiting, nobody else's: its turn, under its lease, ends by itself.
  const over = new AbortController();
  const late = ctx.clock.sleep(patienceMs, over.signal).then((): boolean[] => []);
  const asked = await Promise.race([Promise.all(turns), late]);
  over.abort();
  return asked.some(Boolean);
}

async function askAccount(ctx: CallContext, accept: Accept, accountId: string, tenant: string): Promise<boolean> {
  const lines = await ctx.directory.accountLines(accountId);
  const [speaker] = lines;
  const turn = speaker === undefined ? null : await takeTurn(ctx, accountId, tenant);
  if (speaker === undefined || turn === null) return false;
  const { followPerMinute, followBatchMax } = speaker.definition.quota(speaker.config);
  const { requestsMax, requestMs } = paceOf(followPerMinute);
  let requests = 1;
  try {
    const [unknown, placed] = await Promise.all([
      dueAttempts(ctx, accountId, "unknown", Math.min(requestsMax, lookUpsAtOnce)),
      dueAttempts(ctx, accountId, "placed", requestsMax * followBatchMax),
    ]);
    // Look-ups first, one call each; half of the requests are for live calls, where these need as many.
    const wanted = Math.ceil(placed.length / followBatchMax);
    const lookedUp = unknown.slice(0, Math.max(Math.ceil(requestsMax / 2), requestsMax - wanted));
    const followed = placed.slice(0, (requestsMax - lookedUp.length) * followBatchMax);
    requests = lookedUp.length + Math.ceil(followed.length / followBatchMax);
    await Promise.all([
      followed.length === 0 ? null : followCalls(ctx, accept, speaker, followed),
      ...lookedUp.map((one) => lookUp(ctx, lines.find(({ id }) => id === one.lineId) ?? speaker, one)),
    ]);
  } finally {
    await endTurn(ctx, accountId, turn, requests * requestMs);
  }
  return true;
}

/**
 * A turn makes as many requests as the account has for one second, and the next may begin when their time is over. One
 * that is late by no more than `lagMs` costs nothing of the quota. In no minute, wherever it begins, are there more
 * requests than `perMinute`: of the turns that begin in it all but the last have their time within it and the lag.
 */
export function paceOf(perMinute: number): { requestsMax: number; requestMs: number } {
  const requestsMax = Math.max(1, Math.floor(perMinute / 60));
  return { requestsMax, requestMs: (60_000 + lagMs) / (perMinute - requestsMax + 1) };
}

interface Turn {
  /** When it was to begin, epoch milliseconds. */
  due: number;
  /** Until when nobody else asks for this account. */
  until: string;
}

/** One row per account is the quota of all instances together. */
async function takeTurn(ctx: CallContext, accountId: string, tenant: string): Promise<Turn | null> {
  const now = ctx.clock.now();
  const until = new Date(now.getTime() + turnMaxMs).toISOString();
  const taken = await ctx.db.run((q) =>
    q.execute(sql`
      insert into polls as quota (account_id, kind, tenant, due, lease)
      values (${accountId}, 'follow', ${tenant}, ${now.toISOString()}, ${until})
      on conflict (account_id, kind) do update set lease = excluded.lease
      where quota.due <= ${now.toISOString()} and quota.lease <= ${now.toISOString()}
      returning (extract(epoch from due) * 1000)::float8 as due`),
  );
  const [row] = rows<{ due: number | string }>(taken);
  return row === undefined ? null : { due: Number(row.due), until };
}

/** Leaves alone a turn that another instance has begun since. */
async function endTurn(ctx: CallContext, accountId: string, { due, until }: Turn, costMs: number): Promise<void> {
  const next = new Date(Math.ceil(Math.max(due, ctx.clock.now().getTime() - lagMs) + costMs)).toISOString();
  await ctx.db.run((q) =>
    q.execute(sql`
      update polls set due = ${next}, lease = '-infinity'
      where account_id = ${accountId} and kind = 'follow' and lease = ${until}`),
  );
}

function dueAttempts(
  ctx: CallContext,
  accountId: string,
  which: "unknown" | "placed",
  limit: number,
): Promise<Attempt[]> {
  const known = which === "placed" ? sql`provider_call_id is not null` : sql`provider_call_id is null`;
  return ctx.db.run((q) =>
    q
      .select()
      .from(callAttempts)
      .where(sql`account_id = ${accountId} and open and follow_due <= ${ctx.clock.now().toISOString()} and ${known}`)
      .orderBy(callAttempts.followDue)
      .limit(limit),
  );
}

async function lookUp(ctx: CallContext, line: Line, attempt: Attempt): Promise<void> {
  const found = await findAttempt(ctx, line, attempt).catch((error): Found => {
    // A look-up that cannot be written (an id that is another call's) must not hold up those behind it.
    ctx.log.error({ ...errorFields(error), callId: attempt.callId, lineId: line.id }, "look-up was not settled");
    return { askNext: new Date(ctx.clock.now().getTime() + silentAgainMs) };
  });
  if (found !== "settled") await moveDue(ctx, [attempt], found.askNext);
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
