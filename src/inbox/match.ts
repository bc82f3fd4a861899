import { sql } from "drizzle-orm";
import type { CallRef } from "../../channels/contract.ts";
import type { Query } from "../../db/client.ts";
import { rows, textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { parsePhone } from "../domain/phone.ts";

/** Which call's which attempt a delivery speaks of. */
export interface Match {
  tenant: string;
  callId: string;
  number: number;
  lineId: number;
  /** When its request left, epoch milliseconds. */
  sent: number;
  providerCallId: string | null;
}

export interface Question {
  tenant: string;
  accountId: string;
  ref: CallRef;
}

/**
 * Finds the attempts that events speak of: by our call id in the user data; else by the account's provider id; else,
 * where neither is known, by agent and customer when exactly one open attempt fits. An id of another account's
 * call matches nothing: no provider can speak of another's calls.
 */
export async function matchCalls(ctx: Context, q: Query, questions: readonly Question[]): Promise<(Match | null)[]> {
  const known = await attemptsOf(q, questions);
  const placed = known.filter(({ providerCallId }) => providerCallId !== null);
  const byProviderId = Map.groupBy(placed, (one) => `${one.accountId} ${one.providerCallId}`);
  const byCallId = Map.groupBy(known, (one) => `${one.accountId} ${one.callId}`);
  const matches = questions.map(({ accountId, ref }): Match | null => {
    const byId = ref.providerCallId === undefined ? [] : (byProviderId.get(`${accountId} ${ref.providerCallId}`) ?? []);
    if (ref.callId === undefined) return byId[0] ?? null;
    const ours = byCallId.get(`${accountId} ${ref.callId}`) ?? [];
    return (
      ours.find((one) => one.number === ref.attempt) ??
      ours.find((one) => byId.includes(one)) ??
      ours.findLast((one) => one.providerCallId === null) ??
      ours.at(-1) ??
      byId[0] ??
      null
    );
  });
  for (const [index, question] of questions.entries()) {
    if (matches[index] === null && question.ref.legs !== undefined && question.ref.callId === undefined) {
      matches[index] = await matchByLegs(ctx, q, question, question.ref.legs);
    }
  }
  return matches;
}

type Known = Match & { accountId: string };

async function attemptsOf(q: Query, questions: readonly Question[]): Promise<Known[]> {
  const found = await q.execute(sql`
    select ${attemptColumns} from call_attempts as attempt
      where call_id = any(${textArray(questions.map(({ ref }) => ref.callId ?? null))})
    union
    select ${attemptColumns} from call_attempts as attempt
      where (account_id, provider_call_id) in (
        select account, id from unnest(${textArray(questions.map((one) => one.accountId))},
          ${textArray(questions.map(({ ref }) => ref.providerCallId ?? null))}) as asked(account, id))
    order by call_id, number`);
  return rows<KnownRow>(found).map(knownOf);
}

const attemptColumns = sql`attempt.tenant, attempt.call_id, attempt.number, attempt.line_id, attempt.account_id,
  attempt.provider_call_id, (extract(epoch from attempt.sent) * 1000)::bigint as sent`;

interface KnownRow {
  tenant: string;
  call_id: string;
  number: number;
  line_id: number;
  sent: string | number;
  account_id: string;
  provider_call_id: string | null;
}

function knownOf(row: KnownRow): Known {
  const { tenant, number, call_id: callId, line_id: lineId, account_id: accountId } = row;
  return { tenant, callId, number, lineId, sent: Number(row.sent), accountId, providerCallId: row.provider_call_id };
}

/** News with a provider's id is not of an attempt that has another: two calls may be between the same people. */
async function matchByLegs(
  ctx: Context,
  q: Query,
  { tenant, accountId, ref }: Question,
  legs: { agent: string; customer: string },
): Promise<Match | null> {
  const [agent, customer] = [parsePhone(legs.agent), parsePhone(legs.customer)];
  if (agent === null || customer === null) return null;
  const index = (phone: { reveal(): string }): string => ctx.seal.index(tenant, "phone", phone.reveal());
  const found = await q.execute(sql`
    select ${attemptColumns}
    from call_attempts attempt join call_records record on record.call_id = attempt.call_id
    where attempt.account_id = ${accountId} and attempt.open
      and (attempt.provider_call_id is null or ${ref.providerCallId === undefined}::boolean)
      and record.caller_index = ${index(agent)} and record.called_index = ${index(customer)} limit 2`);
  const fitting = rows<KnownRow>(found).map(knownOf);
  return fitting.length === 1 ? (fitting[0] ?? null) : null;
}
