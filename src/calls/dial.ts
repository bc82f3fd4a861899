import type { OrderField, PhoneNumber } from "../../channels/contract.ts";
import type { Query } from "../../db/client.ts";
import { callRecords, type TenantSettings } from "../../db/schema/index.ts";
import { settingsOf } from "../auth/tenants.ts";
import { newCallId, randomLetters } from "../domain/id.ts";
import { type Merge, mergeFacts } from "../domain/merge.ts";
import { parsePhone, samePhone } from "../domain/phone.ts";
import { type Projection, project } from "../domain/record.ts";
import { Refusal } from "../domain/refusal.ts";
import { seatHolder, takeSeat } from "../limits/seat.ts";
import type { Line } from "../lines/directory.ts";
import { appendOutbox } from "../outbox/append.ts";
import { type Agent, type Route, refusalOf, route } from "../routing/wish.ts";
import { insertAttempt, sentFact } from "./attempt.ts";
import type { CallContext } from "./context.ts";
import { drive } from "./drive.ts";
import { claimKey, fingerprintOf, keyHashOf, replayOf } from "./idempotency.ts";
import type { Plan } from "./order.ts";
import { insertEvents, tidings } from "./record.ts";

/** What an app asks for; validated at the edge. Times in seconds. */
export interface DialRequest {
  customerPhone: string;
  userId?: string | undefined;
  agent?: string | undefined;
  callMethod: "auto" | "cloud" | "mobile" | "sip";
  channel?: string | undefined;
  lineId?: number | undefined;
  customerId?: string | undefined;
  customerName?: string | undefined;
  orderId?: string | undefined;
  bizId?: string | undefined;
  bizData?: unknown;
  privacy?: boolean | undefined;
  record?: boolean | undefined;
  placeWithin: number;
  ringTimeout?: number | undefined;
  maxDuration?: number | undefined;
  displayNumber?: string | undefined;
  mainNum?: string | undefined;
  extNum?: string | undefined;
  ivrUrl?: string | undefined;
  ivrText?: string | undefined;
}

const answerWithinMs = 8_000;
const defaults = { ringTimeoutSeconds: 60, maxDurationSeconds: 3_600 };

/**
 * Places a callback. Resolves with the call's id once a line has answered, or after 8 s with the outcome still open;
 * the placement itself always runs to its end. Throws a Refusal where no call was made.
 */
export async function dial(
  ctx: CallContext,
  tenant: string,
  request: DialRequest,
  key: string | null,
): Promise<{ callId: string; replayed: boolean }> {
  const idempotencyKey = key === null ? null : keyHashOf(ctx, tenant, key);
  const fingerprint = idempotencyKey === null ? null : fingerprintOf(ctx, tenant, request);
  if (idempotencyKey !== null && fingerprint !== null) {
    const earlier = await ctx.db.run((q) => replayOf(q, tenant, idempotencyKey, fingerprint));
    if (earlier !== null) return { callId: earlier, replayed: true };
  }
  const settings = await settingsOf(ctx, tenant);
  const customer = phoneField("customerPhone", request.customerPhone);
  const shown = request.displayNumber === undefined ? null : phoneField("displayNumber", request.displayNumber);
  const fields = (privacy: boolean | null) => usedFields(request, privacy, settings);
  const found = await route(ctx, ctx.directory, tenant, { ...request, fields });
  const privacy = request.privacy ?? found.privacy ?? settings.privacy ?? false;
  const [firstId] = found.candidates;
  const lines = await ctx.directory.linesOf(tenant);
  const line = lines.find((one) => one.id === firstId);
  if (line === undefined) throw refusalOf(found.considered, found.agent !== null);
  const agent = found.agent ?? madeUpAgent(ctx);
  if (samePhone(agent.phone, customer)) {
    throw new Refusal("invalid", "主叫与被叫相同 · the agent and the customer have the same number", {
      fields: [{ field: "customerPhone", message: "is the agent's own number" }],
    });
  }
  const now = ctx.clock.now();
  const plan: Plan = {
    tenant,
    callId: newCallId(now, ctx.randomBytes),
    agent,
    customer,
    displayNumber: shown,
    privacy,
    record: request.record ?? settings.record ?? false,
    ringTimeoutSeconds: request.ringTimeout ?? settings.ringTimeoutSeconds ?? defaults.ringTimeoutSeconds,
    maxDurationSeconds: request.maxDuration ?? settings.maxDurationSeconds ?? defaults.maxDurationSeconds,
    mainNum: request.mainNum ?? null,
    extNum: request.extNum ?? null,
    ivrUrl: request.ivrUrl ?? null,
    ivrText: request.ivrText ?? null,
  };
  const seat = found.agent === null ? null : seatKey(ctx, tenant, agent);
  const begun = await begin(ctx, plan, line, { request, found, seat, now, idempotencyKey, fingerprint });
  if (begun !== null) return { callId: begun, replayed: true };
  ctx.told([{ tenant, callId: plan.callId, version: 1, status: "calling", closed: false, doubled: false }]);
  const answered = new AbortController();
  const driven = drive(ctx, plan, { line, number: 1 }).finally(() => answered.abort());
  await Promise.race([driven, ctx.clock.sleep(answerWithinMs, answered.signal)]);
  return { callId: plan.callId, replayed: false };
}

interface Intent {
  request: DialRequest;
  found: Route;
  seat: string | null;
  now: Date;
  idempotencyKey: string | null;
  fingerprint: Record<string, string> | null;
}

/** Why nothing was written; thrown to roll back what stands in the same pipeline. */
class Taken extends Error {
  readonly what: "key" | "seat";
  constructor(what: "key" | "seat") {
    super(`${what} taken`);
    this.what = what;
  }
}

/** One commit before the request leaves: key, seat, record, attempt. An earlier call's id where the key was taken. */
async function begin(ctx: CallContext, plan: Plan, line: Line, intent: Intent): Promise<string | null> {
  const { seat, idempotencyKey, fingerprint } = intent;
  try {
    await ctx.db.tx((q) => write(ctx, q, plan, line, intent));
    return null;
  } catch (error) {
    if (!(error instanceof Taken)) throw error;
    if (error.what === "key" && idempotencyKey !== null && fingerprint !== null) {
      const earlier = await ctx.db.run((q) => replayOf(q, plan.tenant, idempotencyKey, fingerprint));
      if (earlier !== null) return earlier;
      // The key ran out between the two statements: nothing was placed, asking again is safe.
      throw new Refusal("unavailable", "请重试 · ask again", { retryAfterSeconds: 1 });
    }
    const running = await ctx.db.run((q) => seatHolder(q, seat ?? ""));
    throw new Refusal("agent_busy", "坐席正在另一通通话中 · the agent is in another call", {
      more: running === null ? {} : { runningCallId: running },
    });
  }
}

/** The statements leave one behind the other without waiting for answers; the key's comes first, then the seat's. */
async function write(ctx: CallContext, q: Query, plan: Plan, line: Line, intent: Intent): Promise<void> {
  const { now, seat, idempotencyKey, fingerprint } = intent;
  const { callId, tenant } = plan;
  const facts = [sentFact(ctx, line, 1, now, plan.displayNumber ?? line.shownNumber)];
  const merge = mergeFacts({}, facts);
  const projection = project(merge, { ...plan, createdAt: now.getTime() });
  const latestEnd = new Date(projection.latestEnd ?? now.getTime());
  const created = {
    tenant,
    callId,
    version: 1,
    topic: "call.created",
    payload: tidings({ callId, version: 1, userId: intent.request.userId ?? null }, projection, null),
  } as const;
  const [claimed, seated] = await Promise.all([
    idempotencyKey === null || claimKey(q, tenant, idempotencyKey, fingerprint ?? {}, callId, now),
    seat === null || takeSeat(q, seat, callId, now, latestEnd),
    insertRecord(ctx, q, plan, intent, merge, projection),
    insertAttempt(q, line, { callId, number: 1 }, now),
    insertEvents(q, [{ tenant, callId, facts, received: now, deliveryId: null }]),
    appendOutbox(ctx, q, [created]),
  ]);
  if (!claimed) throw new Taken("key");
  if (!seated) throw new Taken("seat");
}

async function insertRecord(
  ctx: CallContext,
  q: Query,
  plan: Plan,
  intent: Intent,
  merge: Merge,
  projection: Projection,
): Promise<void> {
  const { request, found, now } = intent;
  const { tenant, callId, customer, agent } = plan;
  const seal = (text: string): string => ctx.seal.text(tenant, text);
  const index = (phone: PhoneNumber): string => ctx.seal.index(tenant, "phone", phone.reveal());
  await q.insert(callRecords).values({
    tenant,
    callId,
    mainNum: plan.mainNum,
    extNum: plan.extNum,
    agent: agent.id,
    bizId: request.bizId ?? null,
    bizData: request.bizData === undefined ? null : seal(JSON.stringify(request.bizData)),
    userId: request.userId ?? null,
    customerId: request.customerId ?? null,
    customerName: request.customerName === undefined ? null : seal(request.customerName),
    orderId: request.orderId ?? null,
    callMethod: projection.channel === "mobile" ? "mobile" : "cloud",
    ivrUrl: plan.ivrUrl,
    ivrText: plan.ivrText === null ? null : seal(plan.ivrText),
    privacy: plan.privacy,
    record: plan.record,
    ringTimeout: plan.ringTimeoutSeconds,
    maxDuration: plan.maxDurationSeconds,
    caller: agent.phone?.masked ?? null,
    callerSealed: agent.phone === null ? null : seal(agent.phone.reveal()),
    callerIndex: agent.phone === null ? null : index(agent.phone),
    called: customer.masked,
    calledSealed: seal(customer.reveal()),
    calledIndex: index(customer),
    route: {
      candidates: found.candidates,
      considered: found.considered,
      ...(plan.displayNumber === null ? {} : { displayNumberSealed: seal(plan.displayNumber.reveal()) }),
    },
    placeBy: new Date(now.getTime() + request.placeWithin * 1000),
    created: now,
    channel: projection.channel,
    lineId: projection.lineId,
    attempt: projection.attempt,
    callerNumber: projection.shownNumber?.masked ?? null,
    callerNumberSealed: projection.shownNumber?.sealed ?? null,
    callerNumberIndex: projection.shownNumber?.index ?? null,
    state: projection.state,
    status: projection.status,
    latestEnd: projection.latestEnd === null ? null : new Date(projection.latestEnd),
    merge,
    version: 1,
    updated: now,
  });
}

/** The person's phone where it is known, so that one person is one seat on whichever channel. */
function seatKey(ctx: CallContext, tenant: string, agent: Agent): string {
  const who = agent.phone === null ? `id:${agent.id}` : `phone:${agent.phone.reveal()}`;
  return ctx.seal.index(tenant, "seat", who);
}

/** A demo line rings nobody, so it can ring an agent that is not there. */
function madeUpAgent(ctx: CallContext): Agent {
  const digits = [...randomLetters(4, ctx.randomBytes)].map((letter) => letter.charCodeAt(0) % 10).join("");
  return { id: null, phone: parsePhone(`1380000${digits}`), seats: {} };
}

/** A number as the request gave it; a Refusal that names the field, never the value. */
export function phoneField(field: string, text: string): PhoneNumber {
  const phone = parsePhone(text);
  if (phone !== null) return phone;
  throw new Refusal("invalid", "电话号码无效 · not a phone number that can be dialed", {
    fields: [{ field, message: "not a phone number that can be dialed" }],
  });
}

/** Optional fields that this call uses: a line that cannot honour one of them is not taken. */
export function usedFields(request: DialRequest, boundPrivacy: boolean | null, settings: TenantSettings): OrderField[] {
  const used: OrderField[] = [];
  if (request.privacy ?? boundPrivacy ?? settings.privacy) used.push("privacy");
  if (request.record ?? settings.record) used.push("record");
  for (const field of ["displayNumber", "mainNum", "extNum", "ivrUrl", "ivrText"] as const) {
    if (request[field] !== undefined) used.push(field);
  }
  return used;
}
