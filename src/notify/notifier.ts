/** Sends what waits: many endpoints at once, each within its own window, each call's events one after the other. */
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import type { Guard } from "../guard/guard.ts";
import { attempt, requestDeadlineMs } from "./attempt.ts";
import { delivered, type Endpoint, failed, freshlyOpened, loadEndpoints, refresh } from "./endpoint.ts";
import { createFanOut } from "./fanout.ts";
import { type Lane, laneLeaseMs, type Rooms, takeLanes, takeProbes, type Waiting } from "./lanes.ts";
import { nextTry } from "./retry.ts";
import { createSettler } from "./settle.ts";

export interface NotifierOptions {
  /** Requests under way at once, of all endpoints and of one. Bun sends 256 at once; what is more waits unseen. */
  sendingMax?: number;
  perEndpointMax?: number;
  /** How long a stop waits for answers before it breaks off. */
  stopWaitMs?: number;
}

export interface Notifier {
  /** Hands out one page of the outbox, and begins to send what there is room for; true when there is more. */
  fanOut(): Promise<boolean>;
  /** Takes what is due and begins to send it, without waiting for answers; true when some was found. */
  dispatch(): Promise<boolean>;
  /** What to call when there is room for more, or when something may have become due; and when it may be handed out. */
  onRoom(wake: { dispatch(): void; fanOut(): void }): void;
  /** Resolves when everything that was begun is answered and written down. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** A call is not begun, nor gone on with, so late that its lease could end under a slow answer. */
const laneUsableMs = laneLeaseMs - 2 * requestDeadlineMs;
const probeEveryMs = 100;
/** While much is in hand, a page of news is handed out so often. */
const handOutEveryMs = 100;
const shutRestMs = 1_000;
const endpointsKept = 5_000;
/** What a quick endpoint may have in hand, so that it need not wait for the next taking. */
const aheadOfWindow = 16;

export function createNotifier(ctx: Context, send: Guard["send"], options: NotifierOptions = {}): Notifier {
  const { sendingMax = 240, perEndpointMax = 32, stopWaitMs = 2_000 } = options;
  const claim = randomLetters(16, ctx.randomBytes);
  const fanOut = createFanOut(ctx, { claim, rooms });
  const endpoints = new Map<string, Endpoint>();
  const broken = new AbortController();
  const underway = new Set<Promise<void>>();
  let wake = { dispatch(): void {}, fanOut(): void {} };
  const settler = createSettler(ctx, () => wake.dispatch());
  let stopping = false;
  let held = 0;
  let lastTaken = "";
  let probedAt = 0;
  let handedOutAt = 0;
  let fanOutWaits = false;
  const heldMax = sendingMax * 4;

  /** Those of an endpoint that is known differ from those of any other. */
  function rooms(): Rooms {
    const named = new Map<string, number>();
    for (const [id, endpoint] of endpoints) {
      const quick = endpoint.window >= perEndpointMax;
      const most = quick ? perEndpointMax * aheadOfWindow : endpoint.window * 2;
      named.set(id, Math.max(0, most - endpoint.sending - endpoint.queue.length));
    }
    return { total: heldMax - held, each: 8, named, after: lastTaken };
  }

  async function take(): Promise<Lane[]> {
    const now = ctx.clock.now().getTime();
    const lanes: Lane[] = [];
    if (now - probedAt >= probeEveryMs) {
      probedAt = now;
      lanes.push(...(await takeProbes(ctx, claim)));
    }
    if (held + lanes.length < heldMax) lanes.push(...(await takeLanes(ctx, claim, rooms())));
    return lanes;
  }

  /** Puts what was taken where it is sent from. */
  async function queue(lanes: readonly Lane[]): Promise<void> {
    const now = ctx.clock.now();
    const shut = (lane: Lane): boolean => {
      const known = endpoints.get(lane.subscriptionId);
      return known !== undefined && !lane.probe && freshlyOpened(known, now);
    };
    const stale = lanes.filter((lane) => {
      const known = endpoints.get(lane.subscriptionId);
      return (
        known === undefined || known.stamp !== lane.stamp || ((known.openUntil !== null) !== lane.probe && !shut(lane))
      );
    });
    const stored = await loadEndpoints(ctx, [...new Set(stale.map(({ subscriptionId }) => subscriptionId))]);
    for (const [id, endpoint] of stored) {
      const known = endpoints.get(id);
      if (known === undefined) endpoints.set(id, endpoint);
      else refresh(known, endpoint);
    }
    for (const lane of lanes) {
      const endpoint = endpoints.get(lane.subscriptionId);
      if (endpoint === undefined) continue;
      if (shut(lane)) {
        settler.lane({ lane, due: new Date(now.getTime() + shutRestMs) });
        continue;
      }
      endpoint.queue.push(lane);
      held += 1;
      lastTaken = lane.subscriptionId;
    }
  }

  /** One of each endpoint in turn, as long as there is room. */
  function pump(): void {
    for (let begun = true; begun && underway.size < sendingMax; ) {
      begun = false;
      for (const endpoint of endpoints.values()) {
        if (endpoint.queue.length === 0 || endpoint.sending >= endpoint.window) continue;
        if (underway.size >= sendingMax) return;
        const lane = endpoint.queue.shift();
        if (lane === undefined) continue;
        begun = true;
        begin(endpoint, lane);
      }
    }
  }

  function begin(endpoint: Endpoint, lane: Lane): void {
    endpoint.sending += 1;
    const work = sendLane(endpoint, lane).then(
      (due) => finish(endpoint, lane, due),
      (error: unknown) => {
        // Its lease ends by itself; nothing here is known to throw.
        ctx.log.error(
          { error: error instanceof Error ? error.name : "not an error", kind: "notify" },
          "sending failed",
        );
        finish(endpoint, lane, lane.since);
      },
    );
    underway.add(work);
    void work.finally(() => {
      underway.delete(work);
      pump();
      if (endpoint.queue.length <= endpoint.window) wake.dispatch();
      if (fanOutWaits && held <= heldMax / 2) wake.fanOut();
    });
  }

  function finish(endpoint: Endpoint, lane: Lane, due: Date | null): void {
    endpoint.sending -= 1;
    held -= 1;
    settler.lane({ lane, due });
    // While it is open one at a time tries; the others go back.
    if (endpoint.openUntil !== null || stopping) giveBack(endpoint);
    if (endpoints.size > endpointsKept) forgetIdle();
  }

  function giveBack(endpoint: Endpoint): void {
    held -= endpoint.queue.length;
    for (const lane of endpoint.queue.splice(0)) settler.lane({ lane, due: lane.since });
  }

  function forgetIdle(): void {
    for (const [id, { sending, queue }] of endpoints) if (sending + queue.length === 0) endpoints.delete(id);
  }

  /** When the call is to be taken up again; null = all that was taken of it is done. */
  async function sendLane(endpoint: Endpoint, lane: Lane): Promise<Date | null> {
    for (const event of lane.events) {
      const late = ctx.clock.now().getTime() - lane.at.getTime() > laneUsableMs;
      if (late || stopping) return lane.since;
      const due = await sendEvent(endpoint, lane, event);
      if (due !== null) return due;
    }
    return lane.more ? lane.since : null;
  }

  /** When the event is to be tried again; null = it is delivered or dead, and the next one follows. */
  async function sendEvent(endpoint: Endpoint, lane: Lane, event: Waiting): Promise<Date | null> {
    const { id, body } = event;
    if (body === null) {
      settler.event({ lane, event, state: "dead", failingSince: null, attempt: null, at: ctx.clock.now() });
      return null;
    }
    const outcome = await attempt(ctx, send, endpoint.destination, { id, body }, broken.signal);
    const at = ctx.clock.now();
    if (outcome === null) return lane.since;
    const { attempt: tried, retryAfterMs, gone } = outcome;
    if (outcome.delivered) {
      const change = delivered(endpoint, at, perEndpointMax);
      if (change !== null) settler.circuit(change);
      if (change?.recovered) ctx.log.info({ tenant: lane.tenant, kind: lane.subscriptionId }, "an app answers again");
      settler.event({ lane, event, state: "delivered", failingSince: event.failingSince, attempt: tried, at });
      return null;
    }
    const wasOpen = endpoint.openUntil !== null;
    settler.circuit(failed(endpoint, at, gone, retryAfterMs, chance()));
    if (!wasOpen && endpoint.openUntil !== null)
      ctx.log.warn(
        { tenant: lane.tenant, kind: lane.subscriptionId, code: tried.error ?? "" },
        "an app's endpoint fails: one webhook at a time tries whether it is back",
      );
    const failingSince = event.failingSince ?? at;
    const due = nextTry(event.tries + 1, failingSince, at, chance(), retryAfterMs);
    settler.event({ lane, event, state: due === null ? "dead" : "pending", failingSince, attempt: tried, at });
    return due;
  }

  function chance(): number {
    const [byte = 0] = ctx.randomBytes(1);
    return byte / 255;
  }

  async function idle(): Promise<void> {
    while (underway.size > 0) await Promise.race(underway);
    await settler.idle();
  }

  return {
    async fanOut() {
      const now = ctx.clock.now().getTime();
      // What is handed out while there is no room must be taken later; waiting a moment is cheaper.
      const busy = held > heldMax / 2 && now - handedOutAt < handOutEveryMs;
      fanOutWaits = busy;
      if (stopping || busy) return false;
      handedOutAt = now;
      const { lanes, more } = await fanOut.runOnce();
      await queue(lanes);
      pump();
      return more;
    },
    async dispatch() {
      if (stopping || held >= heldMax) return false;
      const lanes = await take();
      await queue(lanes);
      pump();
      return lanes.length > 0;
    },
    onRoom(next) {
      wake = next;
    },
    idle,
    async stop() {
      stopping = true;
      for (const endpoint of endpoints.values()) giveBack(endpoint);
      const patience = new AbortController();
      const sent = Promise.allSettled(underway);
      await Promise.race([sent, ctx.clock.sleep(stopWaitMs, patience.signal)]);
      patience.abort();
      broken.abort();
      await sent;
      settler.stop();
      await settler.idle();
      await fanOut.release();
    },
  };
}
