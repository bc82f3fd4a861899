/** Writing down what came of the sending, many results a commit. */
import { type SQL, sql } from "drizzle-orm";
import type { Query } from "../../db/client.ts";
import { changed, DatabaseError, databaseAway, rows, textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { errorFields } from "../log.ts";
import type { Attempt } from "./attempt.ts";
import type { Lane, Waiting } from "./lanes.ts";
import { givenUpAfterMs } from "./retry.ts";

export interface EventResult {
  lane: Lane;
  event: Waiting;
  state: "pending" | "delivered" | "dead";
  failingSince: Date | null;
  attempt: Attempt | null;
  at: Date;
}

/** What becomes of a taken call: `due` null = all of it is done. */
export interface LaneResult {
  lane: Lane;
  due: Date | null;
}

/** How an endpoint fares, as its last answers have told. */
export interface CircuitResult {
  subscriptionId: string;
  failures: number;
  failingSince: Date | null;
  openUntil: Date | null;
  gone: Date | null;
  /** It works again: what waited for a later try is due now. */
  recovered: boolean;
  at: Date;
  /** It has failed for as long as any event is tried: what has waited so long is dead with the others. */
  hopeless: boolean;
}

export interface Results {
  events: EventResult[];
  lanes: LaneResult[];
  circuits: Map<string, CircuitResult>;
}

const attemptsKept = 20;
/** Answers come in bursts: what comes within this time is one commit. */
const gatherMs = 10;
const restAfterFailureMs = 500;
const expiredAtOnce = 2_000;

export interface Settler {
  event(result: EventResult): void;
  lane(result: LaneResult): void;
  circuit(result: CircuitResult): void;
  /** Resolves when all that was handed in is written, or given up because the database stays away after a stop. */
  idle(): Promise<void>;
  stop(): void;
}

/** Results that come in while a commit is under way share the next one. */
export function createSettler(ctx: Context, written: () => void): Settler {
  let waiting: Results = empty();
  let running: Promise<void> | null = null;
  const stopping = new AbortController();

  function begin(): void {
    running ??= run().finally(() => {
      running = null;
      if (!isEmpty(waiting)) begin();
    });
  }

  async function run(): Promise<void> {
    while (!isEmpty(waiting)) {
      await ctx.clock.sleep(gatherMs, stopping.signal);
      const batch = waiting;
      waiting = empty();
      try {
        await ctx.db.tx((q) => write(q, batch));
        written();
      } catch (error) {
        const again = databaseAway(error) || isCollision(error);
        ctx.log.warn(
          { ...errorFields(error), count: batch.events.length },
          again ? "results of webhooks are written again" : "results of webhooks are lost; these are sent again",
        );
        if (again && stopping.signal.aborted) return;
        if (again) waiting = merge(batch, waiting);
        await ctx.clock.sleep(restAfterFailureMs, stopping.signal);
      }
    }
  }

  return {
    event(result) {
      waiting.events.push(result);
      begin();
    },
    lane(result) {
      waiting.lanes.push(result);
      begin();
    },
    circuit(result) {
      const before = waiting.circuits.get(result.subscriptionId);
      waiting.circuits.set(result.subscriptionId, join(before, result));
      begin();
    },
    async idle() {
      while (running !== null) await running;
    },
    stop: () => stopping.abort(),
  };
}

const empty = (): Results => ({ events: [], lanes: [], circuits: new Map() });
const isEmpty = ({ events, lanes, circuits }: Results): boolean => events.length + lanes.length + circuits.size === 0;
/** A deadlock, or a transaction that could not be serialized: the same again goes through. */
const isCollision = (error: unknown): boolean => error instanceof DatabaseError && /^40/.test(error.code);

function merge(earlier: Results, later: Results): Results {
  const circuits = new Map(earlier.circuits);
  for (const [id, result] of later.circuits) circuits.set(id, join(circuits.get(id), result));
  return { events: [...earlier.events, ...later.events], lanes: [...earlier.lanes, ...later.lanes], circuits };
}

function join(before: CircuitResult | undefined, after: CircuitResult): CircuitResult {
  if (before === undefined) return after;
  return { ...after, recovered: before.recovered || after.recovered };
}

async function write(q: Query, { events, lanes, circuits }: Results): Promise<void> {
  await Promise.all([
    events.length > 0 ? writeEvents(q, events) : null,
    lanes.length > 0 ? writeLanes(q, lanes) : null,
  ]);
  if (circuits.size > 0) await writeCircuits(q, [...circuits.values()]);
}

/**
 * Rows are looked for by their whole key and by nothing else: a server that has no statistics yet takes any further
 * condition for a rare one, and would go through all that waits for every result. What is finished already, since two
 * have sent it after a lease ran out, stays finished.
 */
async function writeEvents(q: Query, events: readonly EventResult[]): Promise<void> {
  const column = (of: (one: EventResult) => string | number | Date | null): SQL => textArray(events.map(of));
  await q.execute(sql`
    update notifications as event set failing_since = result.failing::timestamptz,
      state = case when event.finished is null then result.state else event.state end,
      finished = coalesce(event.finished, result.finished::timestamptz),
      tries = event.tries + (result.attempt is not null)::int,
      attempts = case when result.attempt is null then event.attempts
        when jsonb_array_length(event.attempts) >= ${attemptsKept}::int then (event.attempts - 0) || result.attempt::jsonb
        else event.attempts || result.attempt::jsonb end
    from unnest(${column(({ event }) => event.month)}, ${column(({ lane }) => lane.subscriptionId)},
      ${column(({ event }) => event.seq)}, ${column(({ state }) => state)},
      ${column(({ failingSince }) => failingSince)}, ${column(({ state, at }) => (state === "pending" ? null : at))},
      ${column(({ attempt }) => (attempt === null ? null : JSON.stringify(attempt)))})
      as result(month, sub, seq, state, failing, finished, attempt)
    where event.month = result.month::date and event.subscription_id = result.sub and event.seq = result.seq::bigint`);
}

/** A call to which nothing has been added since it was taken goes; the others wait on. */
async function writeLanes(q: Query, lanes: readonly LaneResult[]): Promise<void> {
  // In one order: two transactions that share calls do not wait in a circle.
  const keyOf = ({ lane }: LaneResult): string => `${lane.subscriptionId} ${lane.callId}`;
  const sorted = lanes.toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  const done = sorted.filter(({ due }) => due === null);
  const own = (of: readonly LaneResult[]): SQL[] => [
    textArray(of.map(({ lane }) => lane.subscriptionId)),
    textArray(of.map(({ lane }) => lane.callId)),
    textArray(of.map(({ lane }) => lane.claim)),
  ];
  let left = done.length;
  if (left > 0) {
    const gone = await q.execute(sql`
      delete from notify_lanes lane using unnest(${sql.join(own(done), sql`, `)}, ${textArray(done.map(({ lane }) => lane.changes))})
        as result(sub, call, claim, changes)
      where lane.subscription_id = result.sub and lane.call_id = result.call
        and lane.claim = result.claim and lane.changes = result.changes::int`);
    left -= changed(gone);
  }
  const back = left > 0 ? sorted : sorted.filter(({ due }) => due !== null);
  if (back.length === 0) return;
  await q.execute(sql`
    update notify_lanes lane set due = result.due::timestamptz, claim = null
    from unnest(${sql.join(own(back), sql`, `)}, ${textArray(back.map(({ due, lane }) => due ?? lane.at))})
      as result(sub, call, claim, due)
    where lane.subscription_id = result.sub and lane.call_id = result.call and lane.claim = result.claim`);
}

async function writeCircuits(q: Query, circuits: readonly CircuitResult[]): Promise<void> {
  const sorted = circuits.toSorted((one, other) => (one.subscriptionId < other.subscriptionId ? -1 : 1));
  const column = (of: (one: CircuitResult) => string | number | Date | null): SQL => textArray(sorted.map(of));
  await q.execute(sql`
    update subscriptions as subscription set failures = result.failures::int,
      failing_since = result.failing::timestamptz, open_until = result.open::timestamptz,
      gone = result.gone::timestamptz
    from unnest(${column((one) => one.subscriptionId)}, ${column((one) => one.failures)},
      ${column((one) => one.failingSince)}, ${column((one) => one.openUntil)}, ${column((one) => one.gone)})
      as result(id, failures, failing, open, gone)
    where subscription.id = result.id`);
  const recovered = sorted.filter((one) => one.recovered).map((one) => one.subscriptionId);
  if (recovered.length > 0)
    await q.execute(sql`
      update notify_lanes set due = since
      where subscription_id = any(${textArray(recovered)}) and claim is null and due > since`);
  for (const { subscriptionId, at } of sorted.filter((one) => one.hopeless)) await expire(q, subscriptionId, at);
}

/** Behind an endpoint that is down not every event gets its turn: those that waited too long die untried. */
async function expire(q: Query, subscriptionId: string, at: Date): Promise<void> {
  const before = new Date(at.getTime() - givenUpAfterMs).toISOString();
  await q.execute(sql`
    update notifications as event set state = 'dead', finished = ${at.toISOString()}::timestamptz
    from (select seq, month from notifications where subscription_id = ${subscriptionId} and state = 'pending'
      and queued < ${before}::timestamptz limit ${expiredAtOnce}::int) as old
    where event.subscription_id = ${subscriptionId} and event.seq = old.seq and event.month = old.month
      and event.state = 'pending'`);
  // Locked first: what another statement adds to a call that goes would otherwise wait for nobody.
  const locked = await q.execute(sql`
    select call_id from notify_lanes where subscription_id = ${subscriptionId} and claim is null
      and since < ${before}::timestamptz order by call_id limit ${expiredAtOnce}::int for update skip locked`);
  const calls = rows<{ call_id: string }>(locked).map((row) => row.call_id);
  if (calls.length === 0) return;
  await q.execute(sql`
    delete from notify_lanes lane where subscription_id = ${subscriptionId} and call_id = any(${textArray(calls)})
      and not exists (select 1 from notifications event where event.subscription_id = lane.subscription_id
        and event.call_id = lane.call_id and event.state = 'pending')`);
}
