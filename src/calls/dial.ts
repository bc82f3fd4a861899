import type { OrderField, PhoneNumber } from "../../channels/contract.ts";
import type { Settings } from "../auth/settings.ts";
import { newCallId, randomLetters } from "../domain/id.ts";
import { parsePhone, samePhone } from "../domain/phone.ts";
import { Refusal } from "../domain/refusal.ts";
import { seatKey } from "../limits/seat.ts";
import type { Line } from "../lines/directory.ts";
import { type Agent, type Route, refusalOf, route } from "../routing/wish.ts";
import type { CallContext } from "./context.ts";
import { drive } from "./drive.ts";
import { type Claim, claimOf, replayOf } from "./idempotency.ts";
import { lineStates } from "./line-states.ts";
import type { Plan } from "./order.ts";
import type { CallStateNow } from "./outcome.ts";
import { refusalOfBegun, stopRefusal, windowOf } from "./refusals.ts";

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

/** What a dial came to: the call, whether an earlier request with its key had made it, and its state where known. */
export interface Dialed {
  callId: string;
  replayed: boolean;
  state: CallStateNow | null;
}

/**
 * Places a callback. Resolves with the call's id once a line has answered, or after 8 s with the outcome still open;
 * the placement itself always runs to its end. Throws a Refusal where no call was made.
 */
export async function dial(
  ctx: CallContext,
  tenant: string,
  request: DialRequest,
  key: string | null,
): Promise<Dialed> {
  const claim = key === null ? null : claimOf(ctx, tenant, key, request);
  try {
    return await place(ctx, tenant, request, claim);
  } catch (error) {
    // What made the first call with this key possible may be gone by now: the key's call is the answer all the same.
    const earlier = claim === null || !(error instanceof Refusal) ? null : await replay(ctx, tenant, claim);
    if (earlier === null) throw error;
    return earlier;
  }
}

async function place(ctx: CallContext, tenant: string, request: DialRequest, claim: Claim | null): Promise<Dialed> {
  const settings = await ctx.settingsOf(tenant);
  const customer = phoneField("customerPhone", request.customerPhone);
  const shown = request.displayNumber === undefined ? null : phoneField("displayNumber", request.displayNumber);
  const fields = (privacy: boolean | null) => usedFields(request, privacy, settings);
  const callId = newCallId(ctx.clock.now(), ctx.randomBytes);
  const stateOf = await lineStates(ctx, tenant);
  const found = await route(ctx, ctx.directory, tenant, { ...request, fields, customer, seed: callId, stateOf });
  const { lines, trial } = await linesToTry(ctx, tenant, callId, found);
  if (lines.length === 0) throw refusalOf(found, found.agent !== null);
  const agent = found.agent ?? madeUpAgent(ctx);
  if (samePhone(agent.phone, customer)) {
    throw new Refusal("invalid", "主叫与被叫相同 · the agent and the customer have the same number", {
      fields: [{ field: "customerPhone", message: "is the agent's own number" }],
    });
  }
  const now = ctx.clock.now();
  const exempt = lines.every((line) => line.definition.exempt?.(line.config) ?? false);
  const hours = exempt ? { closes: null } : windowOf(customer, settings, now);
  if ("rule" in hours) throw stopRefusal(hours);
  const plan: Plan = {
    tenant,
    callId,
    agent,
    customer,
    displayNumber: shown,
    privacy: request.privacy ?? found.privacy ?? settings.privacy,
    record: request.record ?? settings.record,
    ringTimeoutSeconds: request.ringTimeout ?? settings.ringTimeoutSeconds,
    maxDurationSeconds: request.maxDuration ?? settings.maxDurationSeconds,
    mainNum: request.mainNum ?? null,
    extNum: request.extNum ?? null,
    ivrUrl: request.ivrUrl ?? null,
    ivrText: request.ivrText ?? null,
  };
  const index = (phone: PhoneNumber): string => ctx.seal.index(tenant, "phone", phone.reveal());
  const begun = await ctx.begin({
    plan,
    lines,
    request,
    choice: found,
    settings,
    now,
    contact: { tenant, index: index(customer) },
    caller: { tenant, agent: agent.phone === null ? agent.id : index(agent.phone) },
    exempt,
    placeUntil: hours.closes,
    seat: found.agent === null ? null : seatKey(ctx, tenant, agent),
    claim,
  });
  if (begun.is !== "begun" && begun.is !== "queued") throw await refusalOfBegun(ctx, begun, tenant, agent);
  const status = begun.is === "begun" ? "calling" : "pending";
  const channel = begun.is === "begun" ? begun.line.channel : null;
  ctx.told([{ tenant, callId, version: 1, status, channel, ended: false, doubled: false }]);
  if (begun.is === "queued") return { callId, replayed: false, state: waiting };
  ctx.retries.earn(tenant);
  const others = begun.line === trial ? [] : lines;
  const driven = drive(ctx, plan, { line: begun.line, number: 1, sent: begun.sent, others });
  return { callId, replayed: false, state: await answerOf(ctx, driven) };
}

const waiting: CallStateNow = { status: "pending", state: "init", providerCallId: null, hangupCause: null };

/** More lines than these are not looked at for room at once. */
const linesAtOnce = 8;

/** A line that is half open takes one call of all instances: whoever has its trial lease. */
async function linesToTry(
  ctx: CallContext,
  tenant: string,
  callId: string,
  found: Route,
): Promise<{ lines: Line[]; trial: Line | null }> {
  const lines = await ctx.directory.linesOf(tenant);
  const tried: Line[] = [];
  let leased: Line | null = null;
  for (const { lineId, trial, inNeed } of found.candidates) {
    if (tried.length === linesAtOnce) break;
    const line = lines.find((one) => one.id === lineId);
    if (line === undefined) continue;
    // Behind another line it is no trial: whether it is needed shows only when that one has said no.
    if (trial && tried.length === 0 && (await ctx.health.takeTrial(lineId, callId))) leased = line;
    if (!trial || inNeed || leased === line) tried.push(line);
  }
  return { lines: tried, trial: leased };
}

/** The placement's result, or null when it takes longer than an app should wait. */
async function answerOf(ctx: CallContext, driven: Promise<CallStateNow | null>): Promise<CallStateNow | null> {
  const answered = new AbortController();
  const late = ctx.clock.sleep(answerWithinMs, answered.signal).then(() => null);
  return Promise.race([driven.finally(() => answered.abort()), late]);
}

async function replay(ctx: CallContext, tenant: string, claim: Claim): Promise<Dialed | null> {
  const callId = await ctx.db.run((q) => replayOf(q, tenant, claim));
  return callId === null ? null : { callId, replayed: true, state: null };
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
export function usedFields(request: DialRequest, boundPrivacy: boolean | null, settings: Settings): OrderField[] {
  const used: OrderField[] = [];
  if (request.privacy ?? boundPrivacy ?? settings.privacy) used.push("privacy");
  if (request.record ?? settings.record) used.push("record");
  for (const field of ["displayNumber", "mainNum", "extNum", "ivrUrl", "ivrText"] as const) {
    if (request[field] !== undefined) used.push(field);
  }
  return used;
}
