import { createBatch } from "../../db/batch.ts";
import type { Query } from "../../db/client.ts";
import { isDataError } from "../../db/sql.ts";
import { togetherTold } from "../../db/together.ts";
import type { Settings } from "../auth/settings.ts";
import { fact } from "../domain/fact.ts";
import { mergeFacts } from "../domain/merge.ts";
import { project } from "../domain/record.ts";
import { Refusal } from "../domain/refusal.ts";
import { type Ledger, type LockedLedger, lockLedger } from "../limits/ledger.ts";
import { type Caller, type Full, limitsOf } from "../limits/limit.ts";
import {
  type Contact,
  type Contacts,
  lockContacts,
  nameOf,
  readContacts,
  type Stop,
  stopOf,
} from "../limits/protect.ts";
import { freeSeats, moveSeats, type SeatWish, seatRows } from "../limits/seat.ts";
import type { Line } from "../lines/directory.ts";
import type { Choice } from "../routing/choose.ts";
import { sentFact } from "./attempt.ts";
import type { CallContext } from "./context.ts";
import type { DialRequest } from "./dial.ts";
import { type Claim, keyRows, unclaimKeys } from "./idempotency.ts";
import { insertCalls, type NewCall } from "./insert.ts";
import type { Plan } from "./order.ts";

/** A call that is about to be placed on the first of its lines that has room. */
export interface Intent {
  plan: Plan;
  /** Never empty; in the order in which they are tried. */
  lines: readonly Line[];
  request: DialRequest;
  choice: Choice;
  settings: Settings;
  /** When it was asked for; it begins when its turn has come. */
  now: Date;
  contact: Contact;
  caller: Caller;
  /** No phone rings: rules that protect customers do not bind, but for the blacklist. */
  exempt: boolean;
  /** When the customer's calling hours end: nothing is placed from then on. */
  placeUntil: Date | null;
  /** Null where nobody is known whose seat it could be. */
  seat: string | null;
  claim: Claim | null;
}

/** What has become of an intent. Only of the first two anything is written. */
export type Begun =
  | { is: "begun"; line: Line; sent: Date }
  | { is: "queued"; until: Date }
  | { is: "key-taken" }
  | { is: "seat-taken" }
  | { is: "stopped"; stop: Stop }
  | { is: "full"; full: Full };

const dialsMax = 64;
const waitingMax = 5_000;

/**
 * Writes intents, each whole or not at all: key, seat, limits, record, attempt, event and message, in the commit that
 * stands before the request leaves. Concurrent dials share its statements.
 */
export function createBegin(ctx: CallContext): (intent: Intent) => Promise<Begun> {
  return createBatch<Intent, Begun>({
    sizeMax: dialsMax,
    waitingMax,
    atOnce: 1,
    // Two of one key, one seat or one customer: the second shall see what became of the first.
    keysOf: ({ plan, seat, claim, contact }) => [
      `customer ${nameOf(contact)}`,
      ...(seat === null ? [] : [`seat ${seat}`]),
      ...(claim === null ? [] : [`key ${plan.tenant} ${claim.key}`]),
    ],
    run: (intents) => ctx.db.tx(async (q) => begin(ctx, q, intents, await lock(ctx, q, intents))),
    divides: isDataError,
    full: () => new Refusal("overloaded", "呼叫过多 · too many dials at once", { retryAfterSeconds: 1 }),
  });
}

/** What is known under the locks of customers and limits. Locks are taken in one order: these, keys, seats. */
interface Locked {
  ledger: LockedLedger;
  known: Map<string, Contacts>;
}

async function lock(ctx: CallContext, q: Query, intents: readonly Intent[]): Promise<Locked> {
  const asked = ctx.clock.now();
  const limits = intents.flatMap(({ lines, caller, settings }) =>
    lines.flatMap((line) => limitsOf(line, caller, settings, asked)),
  );
  const contacts = intents.map(({ contact }) => contact);
  const bound = intents.flatMap(({ exempt, contact }) => (exempt ? [] : contact));
  const [, known, ledger] = await Promise.all([
    lockContacts(q, bound),
    readContacts(q, contacts, asked),
    lockLedger(q, limits, ctx.clock),
  ]);
  return { ledger, known };
}

async function begin(
  ctx: CallContext,
  q: Query,
  intents: readonly Intent[],
  { ledger: locked, known }: Locked,
): Promise<Begun[]> {
  const { now } = locked;
  const seats = intents.flatMap((intent) => seatOf(ctx, intent));
  const keys = intents.flatMap(({ plan, claim, now }) => (claim === null ? [] : { ...plan, ...claim, now }));
  const [[claimed = nobody, seated = nobody], ledger] = await Promise.all([
    togetherTold(q, [keyRows(keys), seatRows(seats, now)]),
    locked.read(),
  ]);
  const decided = intents.map((intent): { begun: Begun; call: NewCall | null } => {
    const { plan, claim, seat, contact } = intent;
    const no = (begun: Begun) => ({ begun, call: null });
    if (claim !== null && !claimed.has(plan.callId)) return no({ is: "key-taken" });
    if (seat !== null && !seated.has(plan.callId)) return no({ is: "seat-taken" });
    const stop = stopOf(known.get(nameOf(contact)) ?? nothingKnown, intent.settings, intent.exempt, now);
    return stop === null ? takeLine(ctx, ledger, intent, now) : no({ is: "stopped", stop });
  });
  const calls = decided.flatMap(({ call }) => call ?? []);
  const refused = intents.filter((_, index) => decided[index]?.call === null);
  const mine = refused.filter(({ plan }) => claimed.has(plan.callId));
  await Promise.all([
    unclaimKeys(
      q,
      mine.flatMap(({ plan, claim }) => (claim === null ? [] : { ...plan, ...claim })),
    ),
    ledger.save(),
    freeSeats(
      q,
      refused.map(({ plan }) => plan.callId),
    ),
    moveSeats(q, movedSeats(seats, calls)),
    insertCalls(ctx, q, calls),
  ]);
  return decided.map(({ begun }) => begun);
}

/** Seats were taken as the first line of each call would keep them. */
function movedSeats(taken: readonly SeatWish[], calls: readonly NewCall[]): { callId: string; until: Date }[] {
  const untilOf = new Map(taken.map(({ callId, until }) => [callId, until.getTime()]));
  return calls.flatMap(({ plan: { callId }, projection, now }) => {
    const until = projection.latestEnd ?? now.getTime();
    return (untilOf.get(callId) ?? until) === until ? [] : { callId, until: new Date(until) };
  });
}

const nobody: ReadonlySet<string> = new Set();
const nothingKnown: Contacts = { blacklisted: null, calls: [] };

function seatOf(ctx: CallContext, intent: Intent): SeatWish[] {
  const { plan, lines, seat, now } = intent;
  const [first] = lines;
  if (seat === null || first === undefined) return [];
  const { latestEnd } = placedOn(ctx, intent, first, now).projection;
  return [{ key: seat, callId: plan.callId, until: new Date(latestEnd ?? now) }];
}

/** The first line that has room; else the queue, where the tenant wants one; else which limit was met first. */
function takeLine(ctx: CallContext, ledger: Ledger, intent: Intent, now: Date): { begun: Begun; call: NewCall | null } {
  const { lines, caller, settings } = intent;
  let first: Full | null = null;
  for (const line of settings.whenLimited === "reject" ? lines.slice(0, 1) : lines) {
    const full = ledger.take(limitsOf(line, caller, settings, now), now);
    if (full === null) return { begun: { is: "begun", line, sent: now }, call: placedOn(ctx, intent, line, now) };
    first ??= full;
    // No other line makes room for the agent or the tenant.
    if (full.scope !== "line") break;
  }
  if (settings.whenLimited === "queue") {
    const waits = now.getTime() + settings.queueSeconds * 1000;
    const until = new Date(Math.min(waits, intent.placeUntil?.getTime() ?? waits));
    return { begun: { is: "queued", until }, call: queuedUntil(intent, until, now) };
  }
  return { begun: { is: "full", full: first ?? { scope: "line", rule: "concurrency", until: null } }, call: null };
}

function placedOn(ctx: CallContext, intent: Intent, line: Line, now: Date): NewCall {
  const { plan } = intent;
  const facts = [sentFact(ctx, line, 1, now, plan.displayNumber ?? line.shownNumber)];
  const merge = mergeFacts({}, facts);
  return { ...intent, now, line, facts, merge, projection: project(merge, { ...plan, createdAt: now.getTime() }) };
}

function queuedUntil(intent: Intent, until: Date, now: Date): NewCall {
  const value = { until: until.getTime() };
  const facts = [fact({ attempt: 0, kind: "queued", leg: null, at: now.getTime(), authority: 0, value })];
  const merge = mergeFacts({}, facts);
  const projection = project(merge, { ...intent.plan, createdAt: now.getTime() });
  return { ...intent, now, line: null, facts, merge, projection };
}
