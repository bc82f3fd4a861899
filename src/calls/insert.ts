import { type SQL, sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { recordset } from "../../db/sql.ts";
import { together } from "../../db/together.ts";
import type { Fact } from "../domain/fact.ts";
import type { Merge } from "../domain/merge.ts";
import type { Projection } from "../domain/record.ts";
import type { Line } from "../lines/directory.ts";
import { type Message, outboxRows } from "../outbox/append.ts";
import { attemptRows } from "./attempt.ts";
import type { Intent } from "./begin.ts";
import { projectedCells, projectedNames, projectedShape } from "./columns.ts";
import type { CallContext } from "./context.ts";
import { eventRows, tidings } from "./record.ts";

/** A call with all that is known of it at its start. */
export interface NewCall
  extends Pick<Intent, "plan" | "request" | "choice" | "contact" | "caller" | "exempt" | "placeUntil"> {
  now: Date;
  /** Null while it waits for a line. */
  line: Line | null;
  facts: Fact[];
  merge: Merge;
  projection: Projection;
}

/** Writes new calls: record, attempt, event, message. */
export async function insertCalls(ctx: CallContext, q: Query, calls: readonly NewCall[]): Promise<void> {
  if (calls.length === 0) return;
  const attempts = calls.flatMap(({ plan, line, now }) =>
    line === null ? [] : { line, callId: plan.callId, number: 1, sent: now },
  );
  const news = calls.map(({ plan, facts, now }) => ({ ...plan, facts, received: now, deliveryId: null }));
  await together(q, [
    recordRows(ctx, calls),
    ...attemptRows(attempts),
    eventRows(news),
    outboxRows(ctx, calls.map(createdMessage)),
  ]);
}

function createdMessage({ plan, request, projection }: NewCall): Message {
  const { tenant, callId } = plan;
  const payload = tidings({ callId, version: 1, userId: request.userId ?? null }, projection, null);
  return { tenant, callId, version: 1, topic: "call.created", payload };
}

/** What a dial fixes about its record, as a `recordset` declares it; the rest follows from the facts. */
const fixedShape = `tenant text, call_id text, main_num text, ext_num text, agent text, biz_id text, biz_data text,
  user_id text, customer_id text, customer_name text, order_id text, call_method text, ivr_url text, ivr_text text,
  privacy boolean, record boolean, ring_timeout int, max_duration int, caller text, caller_sealed text,
  caller_index text, called text, called_sealed text, called_index text, rings_nobody boolean, route jsonb,
  place_by timestamptz, created timestamptz, merge jsonb, version int, updated timestamptz`;
const fixedNames = fixedShape.replaceAll(/(\w+) \w+(?=,|$)/g, "$1");

function recordRows(ctx: CallContext, calls: readonly NewCall[]): SQL {
  const news = calls.map((call) => ({ ...fixedCells(ctx, call), ...projectedCells(call.projection) }));
  const names = sql.raw(`${fixedNames}, ${projectedNames}`);
  return sql`
    insert into call_records (${names}) select ${names}
    from ${recordset(news, `news(${fixedShape}, ${projectedShape})`)}`;
}

function fixedCells(ctx: CallContext, call: NewCall): object {
  const { plan, request, choice, now, merge, projection } = call;
  const { tenant, callId, customer, agent } = plan;
  const seal = (text: string | null | undefined): string | null => (text == null ? null : ctx.seal.text(tenant, text));
  return {
    tenant,
    call_id: callId,
    main_num: plan.mainNum,
    ext_num: plan.extNum,
    agent: agent.id,
    biz_id: request.bizId,
    biz_data: seal(request.bizData === undefined ? null : JSON.stringify(request.bizData)),
    user_id: request.userId,
    customer_id: request.customerId,
    customer_name: seal(request.customerName),
    order_id: request.orderId,
    call_method: projection.channel === "mobile" ? "mobile" : "cloud",
    ivr_url: plan.ivrUrl,
    ivr_text: seal(plan.ivrText),
    privacy: plan.privacy,
    record: plan.record,
    ring_timeout: plan.ringTimeoutSeconds,
    max_duration: plan.maxDurationSeconds,
    caller: agent.phone?.masked,
    caller_sealed: seal(agent.phone?.reveal()),
    caller_index: agent.phone === null ? null : call.caller.agent,
    called: customer.masked,
    called_sealed: seal(customer.reveal()),
    called_index: call.contact.index,
    rings_nobody: call.exempt,
    route: {
      candidates: choice.candidates.map(({ lineId }) => lineId),
      considered: choice.considered,
      others: choice.others,
      ...(plan.displayNumber === null ? {} : { displayNumberSealed: seal(plan.displayNumber.reveal()) }),
    },
    place_by: placeBy(call),
    created: now,
    merge,
    version: 1,
    updated: now,
  };
}

/** Until when lines may be tried: as long as the request says, or its turn in the queue takes, within calling hours. */
function placeBy({ now, request, projection, placeUntil }: NewCall): Date {
  const wished = Math.max(now.getTime() + request.placeWithin * 1000, projection.queuedUntil ?? 0);
  return new Date(Math.min(wished, placeUntil?.getTime() ?? wished));
}
