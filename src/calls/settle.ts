import { type SQL, sql } from "drizzle-orm";
import { createBatch } from "../../db/batch.ts";
import type { Query } from "../../db/client.ts";
import { isDataError, recordset } from "../../db/sql.ts";
import { project } from "../domain/record.ts";
import { Refusal } from "../domain/refusal.ts";
import { openLedger } from "../limits/ledger.ts";
import { lockProviderIds, type ProviderId, requeueWaiting } from "../parked/park.ts";
import { attemptRows } from "./attempt.ts";
import type { CallContext, RecordChange } from "./context.ts";
import { codeOf, type Followed, follows } from "./follows.ts";
import { limitsTouched } from "./next.ts";
import type { Outcome, Settled, Settling } from "./outcome.ts";
import { applyNews, type LockedCall, lockCalls } from "./record.ts";

const settledMax = 64;
const waitingMax = 10_000;

/**
 * Writes how attempts came out and, in the same transaction, what follows: after a definite no the next line's
 * attempt, or the end of the call; after a yes the provider's id, and the news that waited for it. Attempts that come
 * out at the same time share the statements.
 */
export function createSettle(ctx: CallContext): CallContext["settle"] {
  const batch = createBatch<Settling, Settled>({
    sizeMax: settledMax,
    waitingMax,
    atOnce: 1,
    keysOf: ({ callId }) => [callId],
    async run(all) {
      const { settled, changes, requeued } = await ctx.db.tx(async (q) => settleAll(ctx, q, all, await lock(q, all)));
      ctx.told(changes);
      if (requeued > 0) ctx.wakeDrain();
      return settled;
    },
    divides: isDataError,
    full: () => new Refusal("overloaded", "结果过多 · too many outcomes at once", { retryAfterSeconds: 1 }),
  });
  return async (of, outcome) => {
    const [lines, settings] = await Promise.all([ctx.directory.linesOf(of.tenant), ctx.settingsOf(of.tenant)]);
    return batch({ ...of, outcome, lines, settings });
  };
}

/** What outcomes came to. */
interface SettledAll {
  settled: Settled[];
  changes: RecordChange[];
  requeued: number;
}

/**
 * The calls of these outcomes, and the ids that providers gave them. Storing an id and parking for it first take the
 * same lock, so that no news stays parked whose call is known.
 */
async function lock(q: Query, all: readonly Settling[]): Promise<ReadonlyMap<string, LockedCall>> {
  const callIds = all.map(({ callId }) => callId);
  const [locked] = await Promise.all([lockCalls(q, callIds), lockProviderIds(q, idsOf(all))]);
  return locked;
}

function idsOf(all: readonly Settling[]): ProviderId[] {
  return all.flatMap(({ line, outcome }) =>
    outcome.is === "placed" && line !== null ? { accountId: line.accountId, ...outcome.placement } : [],
  );
}

/**
 * Writes outcomes of calls under lock. Locks are taken in one order everywhere: calls, providers' ids, limits, seats.
 */
export async function settleAll(
  ctx: CallContext,
  q: Query,
  all: readonly Settling[],
  locked: ReadonlyMap<string, LockedCall>,
): Promise<SettledAll> {
  const asked = ctx.clock.now();
  const limits = all.flatMap((one) => limitsTouched(one, locked.get(one.callId), asked));
  const ledger = await openLedger(q, limits, ctx.clock);
  const { now } = ledger;
  const followed = all.map((one) => follows(ctx, ledger, one, locked.get(one.callId), now));
  const told = followed.filter((one) => one !== null);
  const news = told.map(({ call, facts }) => ({ ...call, facts, received: now, deliveryId: null }));
  const next = told.flatMap(({ next, callId }) => (next === null ? [] : { ...next, callId }));
  const outcomes = told.filter(({ line }) => line !== null);
  const [changes, requeued] = await Promise.all([
    applyNews(ctx, q, locked, news, [outcomeRows(outcomes, now), ...attemptRows(next)]),
    requeueWaiting(q, idsOf(all)),
    ledger.save(),
  ]);
  const settledOf = ({ callId }: Settling, index: number): Settled => {
    const call = locked.get(callId);
    if (call === undefined) return { next: null, hangupAsked: false, state: null };
    const hangupAsked = call.merge["0.hangup-asked"] !== undefined;
    return { next: followed[index]?.next ?? null, hangupAsked, state: project(call.merge, call) };
  };
  return { settled: all.map(settledOf), changes, requeued };
}

/** Each attempt's outcome, and with a yes the provider's id; the caller holds the ids' locks. */
function outcomeRows(all: readonly Followed[], now: Date): SQL | null {
  if (all.length === 0) return null;
  const news = all.map(({ callId, number, outcome, due }) => {
    const error = "error" in outcome ? outcome.error : null;
    const { kind, cause } = error ?? { kind: null, cause: null };
    const { providerCallId, providerJobId } =
      outcome.is === "placed" ? outcome.placement : { providerCallId: null, providerJobId: null };
    const open = outcome.is === "placed" || outcome.is === "unknown";
    const told = {
      outcome: wordOf(outcome),
      kind,
      cause,
      code: codeOf(error),
      open,
      due,
    };
    return { id: callId, number, ...told, provider_id: providerCallId, job: providerJobId };
  });
  return sql`
    update call_attempts as attempt set outcome = news.outcome, settled = ${now.toISOString()}::timestamptz,
      provider_call_id = coalesce(news.provider_id, attempt.provider_call_id),
      provider_job_id = case when news.provider_id is null then attempt.provider_job_id else news.job end,
      error_kind = news.kind, error_cause = news.cause, error_code = news.code, open = attempt.open and news.open,
      follow_due = case when attempt.open and news.open then news.due end
    from ${recordset(news, `news(${attemptShape})`)}
    where attempt.call_id = news.id and attempt.number = news.number`;
}

const attemptShape = `id text, number smallint, outcome text, kind text, cause text, code text, open boolean,
  due timestamptz, provider_id text, job text`;

/** As `call_attempts.outcome` has it. */
function wordOf({ is }: Outcome): string {
  if (is === "never-dialed") return "refused";
  return is === "withdrawn" ? "absent" : is;
}
