import { and, asc, desc, eq, gte, lt, type SQL, sql } from "drizzle-orm";
import type { HangupCause } from "../../channels/contract.ts";
import { callAttempts, callRecords, events } from "../../db/schema/index.ts";
import type { Context } from "../context.ts";
import type { FactValue } from "../domain/fact.ts";
import { hangupAdvice } from "../domain/hangup.ts";
import type { CallStatus } from "../domain/record.ts";
import { Refusal } from "../domain/refusal.ts";
import type { CallContext } from "./context.ts";
import { silentAt } from "./follows.ts";

export type RecordRow = typeof callRecords.$inferSelect;

/** A record as apps read it: every column but the sealed ones, times as ISO 8601 UTC, numbers masked. */
export function viewRecord(ctx: Context, row: RecordRow, can: readonly string[]): Record<string, unknown> {
  const open = (sealed: string | null): string | null => (sealed === null ? null : ctx.seal.open(row.tenant, sealed));
  const bizData = open(row.bizData);
  const iso = (at: Date | null): string | null => at?.toISOString() ?? null;
  const cause = row.hangupCause as HangupCause | null;
  return {
    callId: row.callId,
    status: row.status,
    state: row.state,
    answered: row.answered,
    direction: row.direction,
    channel: row.channel,
    lineId: row.lineId,
    callMethod: row.callMethod,
    agent: row.agent,
    userId: row.userId,
    caller: row.caller,
    called: row.called,
    callerNumber: row.callerNumber,
    mainNum: row.mainNum,
    extNum: row.extNum,
    bizId: row.bizId,
    bizData: bizData === null ? null : JSON.parse(bizData),
    customerId: row.customerId,
    customerName: open(row.customerName),
    orderId: row.orderId,
    privacy: row.privacy,
    record: row.record,
    ivrUrl: row.ivrUrl,
    ivrText: open(row.ivrText),
    ringTimeout: row.ringTimeout,
    maxDuration: row.maxDuration,
    chState: row.chState,
    providerCallId: row.providerCallId,
    providerJobId: row.providerJobId,
    aCallTime: iso(row.aCallTime),
    aRingTime: iso(row.aRingTime),
    aOffhookTime: iso(row.aOffhookTime),
    bCallTime: iso(row.bCallTime),
    bRingTime: iso(row.bRingTime),
    bOffhookTime: iso(row.bOffhookTime),
    connTime: iso(row.connTime),
    closeTime: iso(row.closeTime),
    startTime: iso(row.connTime),
    endTime: iso(row.closeTime),
    duration: currentDuration(ctx, row),
    ringDuration: row.ringDuration,
    closeType: row.closeType === null ? null : Number(row.closeType),
    hangupCause: cause,
    hangupCode: row.hangupCode,
    hangupAdvice: cause === null ? null : hangupAdvice[cause],
    hasRecording: row.hasRecording,
    audioUrl: row.audioUrl,
    recordingDuration: row.recordingDuration,
    recordingSize: row.recordingSize,
    cost: row.cost,
    costCurrency: row.costCurrency,
    hasCdr: row.hasCdr,
    finalized: row.finalized,
    estimated: row.estimated,
    doubled: row.doubled,
    live: liveOf(ctx, row),
    can,
    version: row.version,
    created: iso(row.created),
    updated: iso(row.updated),
  };
}

/** Whole seconds of talk, counting up while both are connected. */
export function currentDuration(ctx: Context, row: Pick<RecordRow, "duration" | "connTime">): number {
  if (row.duration !== null) return row.duration;
  if (row.connTime === null) return 0;
  return Math.max(0, Math.floor((ctx.clock.now().getTime() - row.connTime.getTime()) / 1000));
}

/** `unknown` where a running call's news is overdue: its true state may be another. */
function liveOf(ctx: Context, row: RecordRow): "known" | "unknown" | null {
  if (row.state === "close") return null;
  const overdue = silentAt(row.created.getTime(), row.ringTimeout) <= ctx.clock.now().getTime();
  return overdue && !row.answered ? "unknown" : "known";
}

/** The plan's four words, with how it ended beside `ended`. */
export function planStatus(status: CallStatus): { status: string; result: string | null } {
  switch (status) {
    case "pending":
    case "calling":
      return { status: "calling", result: null };
    case "ringing":
    case "connected":
      return { status, result: null };
    case "ended":
      return { status: "ended", result: "answered" };
    default:
      return { status: "ended", result: status };
  }
}

/** What can be done with a call now: hang up, and what its line's provider offers while both talk. */
export async function canNow(ctx: CallContext, row: RecordRow): Promise<string[]> {
  if (row.state === "close" || row.lineId === null) return [];
  const line = await ctx.directory.line(row.tenant, row.lineId);
  if (line === null) return [];
  const controls = row.answered ? [...line.definition.controls(line.config)] : [];
  return line.definition.canHangUp(line.config) ? ["hangup", ...controls] : controls;
}

export async function recordOf(ctx: CallContext, tenant: string, callId: string): Promise<RecordRow> {
  const [row] = await ctx.db.run((q) =>
    q
      .select()
      .from(callRecords)
      .where(and(eq(callRecords.tenant, tenant), eq(callRecords.callId, callId))),
  );
  if (row === undefined) throw new Refusal("not_found", "没有这个通话 · no such call");
  return row;
}

/** A call's facts, in the order in which they came. */
export async function factsOf(ctx: CallContext, tenant: string, callId: string): Promise<Record<string, unknown>[]> {
  await recordOf(ctx, tenant, callId);
  const found = await ctx.db.run((q) =>
    q
      .select()
      .from(events)
      .where(and(eq(events.callId, callId), eq(events.tenant, tenant)))
      .orderBy(asc(events.id)),
  );
  return found.map((row) => {
    const { recordingRef: _ref, shownNumber: _shown, ...value } = row.value as FactValue;
    const { kind, leg, authority, attempt } = row;
    const times = { at: row.at.toISOString(), received: row.received.toISOString(), estimated: authority === 1 };
    return { kind, leg, attempt, authority, ...times, ...value };
  });
}

/** Why a call went where it went: every line looked at, and every attempt. */
export async function routeOf(ctx: CallContext, tenant: string, callId: string): Promise<Record<string, unknown>> {
  const row = await recordOf(ctx, tenant, callId);
  const attempts = await ctx.db.run((q) =>
    q.select().from(callAttempts).where(eq(callAttempts.callId, callId)).orderBy(asc(callAttempts.number)),
  );
  const { considered = [], candidates = [], others = [] } = row.route as Record<string, unknown>;
  return {
    callId,
    candidates,
    considered,
    others,
    attempts: attempts.map((one) => ({
      number: one.number,
      lineId: one.lineId,
      channel: one.channel,
      outcome: one.outcome,
      errorKind: one.errorKind,
      errorCause: one.errorCause,
      errorCode: one.errorCode,
      providerCallId: one.providerCallId,
      sent: one.sent.toISOString(),
      settled: one.settled?.toISOString() ?? null,
      deciding: one.number === row.attempt,
    })),
  };
}

export interface CallFilter {
  bizId?: string | undefined;
  userId?: string | undefined;
  customerId?: string | undefined;
  orderId?: string | undefined;
  channel?: string | undefined;
  lineId?: number | undefined;
  status?: string | undefined;
  from?: Date | undefined;
  to?: Date | undefined;
  /** Keyed hashes of a number; either leg may have it. */
  phoneIndex?: string | undefined;
}

/** Newest first. The cursor is where the last page ended. */
export async function listCalls(
  ctx: CallContext,
  tenant: string,
  filter: CallFilter,
  page: { limit: number; cursor: string | null },
): Promise<{ rows: RecordRow[]; next: string | null }> {
  const table = callRecords;
  const wanted: (SQL | undefined)[] = [eq(table.tenant, tenant)];
  for (const field of ["bizId", "userId", "customerId", "orderId", "channel", "lineId", "status"] as const) {
    const value = filter[field];
    if (value !== undefined) wanted.push(eq(table[field], value));
  }
  if (filter.from !== undefined) wanted.push(gte(table.created, filter.from));
  if (filter.to !== undefined) wanted.push(lt(table.created, filter.to));
  if (filter.phoneIndex !== undefined) {
    wanted.push(sql`(${table.calledIndex} = ${filter.phoneIndex} or ${table.callerIndex} = ${filter.phoneIndex})`);
  }
  if (page.cursor !== null) {
    const [created, callId] = readCursor(page.cursor);
    wanted.push(sql`(${table.created}, ${table.callId}) < (${created}::timestamptz, ${callId})`);
  }
  const found = await ctx.db.run((q) =>
    q
      .select()
      .from(table)
      .where(and(...wanted))
      .orderBy(desc(table.created), desc(table.callId))
      .limit(page.limit + 1),
  );
  const rows = found.slice(0, page.limit);
  const last = rows.at(-1);
  const next =
    found.length > page.limit && last !== undefined
      ? Buffer.from(`${last.created.toISOString()}|${last.callId}`).toString("base64url")
      : null;
  return { rows, next };
}

const cursorForm = /^([1-9]\d{3}-\d\d-\d\dT[\d:.]{12}Z)\|(call_[a-z0-9_]{1,59})$/;

function isMoment(text: string): boolean {
  const at = new Date(text);
  return !Number.isNaN(at.getTime()) && at.toISOString() === text;
}

function readCursor(cursor: string): [string, string] {
  const [, created, callId] = cursorForm.exec(Buffer.from(cursor, "base64url").toString("utf8")) ?? [];
  // Written as we write it: the database would refuse what `Date.parse` merely makes something of.
  if (created === undefined || callId === undefined || !isMoment(created)) {
    throw new Refusal("invalid", "游标无效 · not a cursor of this list", {
      fields: [{ field: "cursor", message: "not a cursor of this list" }],
    });
  }
  return [created, callId];
}
