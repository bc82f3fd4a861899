/** The only writer of call records. */
import { type SQL, sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { recordset, rows, textArray } from "../../db/sql.ts";
import { together } from "../../db/together.ts";
import type { Context } from "../context.ts";
import type { Fact } from "../domain/fact.ts";
import { type Merge, mergeFacts } from "../domain/merge.ts";
import { type CallStatus, type Projection, project } from "../domain/record.ts";
import { moveSeats } from "../limits/seat.ts";
import { type Message, monthOf, outboxRows, type Topic } from "../outbox/append.ts";
import { projectedCells, projectedSets, projectedShape } from "./columns.ts";
import type { RecordChange } from "./context.ts";

/** Facts of one call, as one delivery or one act of ours told them. */
export interface News {
  tenant: string;
  callId: string;
  facts: readonly Fact[];
  /** When they reached us. */
  received: Date;
  deliveryId: number | null;
}

/** A call's row under lock. */
export interface LockedCall {
  tenant: string;
  callId: string;
  userId: string | null;
  /** What the limits of agents are counted by. */
  agent: string | null;
  merge: Merge;
  version: number;
  ringTimeoutSeconds: number;
  maxDurationSeconds: number;
  createdAt: number;
  placeBy: number;
  candidates: number[];
  displayNumberSealed: string | null;
}

/** Locks calls, always in the order of their ids: two transactions that share calls can never wait in a circle. */
export async function lockCalls(q: Query, callIds: readonly string[]): Promise<Map<string, LockedCall>> {
  const found = await q.execute(sql`
    select tenant, call_id, user_id, coalesce(caller_index, agent) as agent, merge, version, ring_timeout, max_duration, route -> 'candidates' as candidates,
      route ->> 'displayNumberSealed' as display_number,
      (extract(epoch from created) * 1000)::bigint as created, (extract(epoch from place_by) * 1000)::bigint as place_by
    from call_records where call_id = any(${textArray([...new Set(callIds)])}) order by call_id for update`);
  const calls = rows<{
    tenant: string;
    call_id: string;
    user_id: string | null;
    agent: string | null;
    merge: Merge;
    version: number;
    ring_timeout: number;
    max_duration: number;
    candidates: number[];
    display_number: string | null;
    created: string | number;
    place_by: string | number;
  }>(found);
  return new Map(
    calls.map((row) => [
      row.call_id,
      {
        tenant: row.tenant,
        callId: row.call_id,
        userId: row.user_id,
        agent: row.agent,
        merge: row.merge,
        version: row.version,
        ringTimeoutSeconds: row.ring_timeout,
        maxDurationSeconds: row.max_duration,
        createdAt: Number(row.created),
        placeBy: Number(row.place_by),
        candidates: row.candidates ?? [],
        displayNumberSealed: row.display_number,
      },
    ]),
  );
}

/**
 * Merges news into the records of calls that this transaction has locked, with everything that must be true at the
 * same moment: the events, the outbox, the agent's seat, the attempts of calls that are over. News of calls that are
 * not in `locked`, or of another tenant's, are the caller's mistake and are left out. `beside` goes in the same
 * statement as the records.
 */
export async function applyNews(
  ctx: Context,
  q: Query,
  locked: ReadonlyMap<string, LockedCall>,
  news: readonly News[],
  beside: readonly (SQL | null)[] = [],
): Promise<RecordChange[]> {
  const ours = news.filter((one) => locked.get(one.callId)?.tenant === one.tenant && one.facts.length > 0);
  if (ours.length === 0) {
    await together(q, beside);
    return [];
  }
  const factsOf = Map.groupBy(ours, (one) => one.callId);
  const updates: { call: LockedCall; merge: Merge; before: Projection; after: Projection; told: boolean }[] = [];
  for (const [callId, group] of factsOf) {
    const call = locked.get(callId);
    if (call === undefined) continue;
    const merge = mergeFacts(
      call.merge,
      group.flatMap((one) => one.facts),
    );
    const before = project(call.merge, call);
    const after = project(merge, call);
    const told = JSON.stringify(before) !== JSON.stringify(after);
    if (told || JSON.stringify(merge) !== JSON.stringify(call.merge))
      updates.push({ call, merge, before, after, told });
    call.merge = merge;
    if (told) call.version += 1;
  }
  const changes = updates.filter((one) => one.told);
  // Statements of one transaction that do not wait for each other's answers: they leave one behind the other.
  await Promise.all([
    together(q, [eventRows(ours), recordRows(ctx, updates), outboxRows(ctx, changes.flatMap(messagesOf)), ...beside]),
    moveSeats(q, changes.filter(({ before, after }) => before.latestEnd !== after.latestEnd).map(seatOf)),
    closeAttempts(
      q,
      changes.filter(({ after }) => after.state === "close"),
    ),
  ]);
  return changes.map((change) => ({
    tenant: change.call.tenant,
    callId: change.call.callId,
    version: change.call.version,
    status: change.after.status,
    channel: change.after.channel,
    ended: isEnd(change),
    doubled: change.after.doubled,
  }));
}

function isEnd({ before, after }: { before: Projection; after: Projection }): boolean {
  return before.state !== "close" && after.state === "close";
}

function seatOf({ call, after }: { call: LockedCall; after: Projection }): { callId: string; until: Date | null } {
  return { callId: call.callId, until: after.latestEnd === null ? null : new Date(after.latestEnd) };
}

/** The change that keeps these facts as events. */
export function eventRows(news: readonly News[]): SQL | null {
  const all = news.flatMap(({ tenant, callId, facts, received, deliveryId }) =>
    facts.map(({ attempt, hash, kind, leg, at, authority, value }) => ({
      month: monthOf(received),
      tenant,
      call_id: callId,
      attempt,
      hash,
      kind,
      leg,
      at: new Date(at),
      authority,
      value,
      received,
      delivery_id: deliveryId,
    })),
  );
  if (all.length === 0) return null;
  return sql`
    insert into events (${sql.raw(eventNames)}) select ${sql.raw(eventNames)} from ${recordset(all, `news(${eventShape})`)}
    on conflict do nothing`;
}

const eventNames = "month, tenant, call_id, attempt, hash, kind, leg, at, authority, value, received, delivery_id";
const eventShape = `month date, tenant text, call_id text, attempt smallint, hash text, kind text, leg text,
  at timestamptz, authority smallint, value jsonb, received timestamptz, delivery_id bigint`;

function recordRows(
  ctx: Context,
  updates: readonly { call: LockedCall; merge: Merge; after: Projection }[],
): SQL | null {
  if (updates.length === 0) return null;
  const news = updates.map(({ call, merge, after }) => ({
    id: call.callId,
    merge,
    version: call.version,
    ...projectedCells(after),
  }));
  return sql`
    update call_records as record set ${sql.raw(projectedSets)}, merge = news.merge, version = news.version,
      updated = ${ctx.clock.now().toISOString()}::timestamptz
    from ${recordset(news, `news(id text, merge jsonb, version int, ${projectedShape})`)}
    where record.call_id = news.id`;
}

function messagesOf({ call, before, after }: { call: LockedCall; before: Projection; after: Projection }): Message[] {
  const { tenant, callId, version } = call;
  const payload = tidings(call, after, before.status);
  const message = (topic: Topic): Message => ({ tenant, callId, version, topic, payload });
  const messages = [message("call.updated")];
  if (isEnd({ before, after })) messages.push(message("call.ended"));
  if (!before.hasRecording && after.hasRecording) messages.push(message("recording.available"));
  if (!before.finalized && after.finalized) messages.push(message("call.finalized"));
  return messages;
}

/**
 * What listeners hear of a record: whose it is and its state, without numbers or references. `statusBefore` tells a
 * change of status from any other; null on the first.
 */
export function tidings(
  { callId, version, userId }: Pick<LockedCall, "callId" | "version" | "userId">,
  projection: Projection,
  statusBefore: CallStatus | null,
): Record<string, unknown> {
  const { shownNumber: _shown, recordingRef: _ref, ...rest } = projection;
  return { callId, version, userId, statusBefore, ...rest };
}

/**
 * The attempts of calls that are over. A call that ended without proof may still take up its line: that counts until
 * its maximum duration, or until a late report.
 */
async function closeAttempts(
  q: Query,
  closed: readonly { call: LockedCall; merge: Merge; after: Projection }[],
): Promise<void> {
  if (closed.length === 0) return;
  const ends = closed.map(({ call, merge, after }) => ({ id: call.callId, held: heldUntil(call, merge, after) }));
  await q.execute(sql`
    update call_attempts as attempt set open = false, follow_due = null, held_until = news.held
    from ${recordset(ends, "news(id text, held timestamptz)")}
    where attempt.call_id = news.id and (attempt.open or attempt.held_until is not null)`);
}

function heldUntil(call: LockedCall, merge: Merge, { attempt, connTime, closeTime }: Projection): Date | null {
  const proved = merge["0.given-up"] === undefined || merge[`${attempt}.ended`] !== undefined;
  const sent = merge[`${attempt}.sent`]?.[1];
  if (proved || sent === undefined) return null;
  const rings = sent + 2 * call.ringTimeoutSeconds * 1000;
  const latest = (connTime ?? rings) + call.maxDurationSeconds * 1000;
  return closeTime !== null && latest <= closeTime ? null : new Date(latest);
}
