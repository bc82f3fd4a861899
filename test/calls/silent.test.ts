/** Every call ends: what becomes of one whose news stops. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { endOf, handled, lineOf, push, type TestLine, variants, withCdr } from "./variant.ts";

let on: TestService;
let line: TestLine;
let quiet: TestLine;
let lossy: TestLine;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({
    tickMs: 50,
    loadChannel: variants({
      // Cannot be asked about a running call.
      quiet: { channel: ({ follow: _follow, ...channel }) => channel },
      lossy: { definition: { live: () => "lossy" }, channel: ({ follow: _follow, ...channel }) => channel },
    }),
  });
  line = await lineOf(on);
  quiet = await lineOf(on, { provider: "quiet" });
  lossy = await lineOf(on, { provider: "lossy" });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const ringTimeout = 10;
const askedAfterMs = 2 * ringTimeout * 1000 + 30_000;
const closedAfterMs = 2 * ringTimeout * 1000 + 120_000;

async function dial(lineId: number, script: Json, more: Record<string, unknown> = {}): Promise<string> {
  const phone = customer(0);
  on.far.script(`+86${phone}`, script);
  const answer = await on.dial({ customerPhone: phone, agent: customer(0), lineId, ringTimeout, ...more });
  expect(answer.status).toBe(200);
  return answer.body.callId;
}

const recordOf = async (callId: string): Promise<Json> => (await on.ask("GET", `/api/v1/calls/${callId}`)).body;
const status =
  (wanted: string) =>
  (one: Json): boolean =>
    one.status === wanted;

/** The far side's own view of a call, once it is over there. */
async function overAtFar(callId: string): Promise<Json> {
  for (;;) {
    const call = on.far.calls.find((one) => one.order.callRef === callId);
    if (call?.endedAt != null) return call;
    // A request that waits for nothing lets the far side's timers run.
    await on.ask("GET", `/api/v1/calls/${callId}/status?wait=0.05&version=1000000`);
  }
}

function cdrOf(call: Json, code: string): string {
  const written = (leg: Json) => ({
    calledAt: leg.calledAt?.toISOString() ?? null,
    rangAt: leg.rangAt?.toISOString() ?? null,
    answeredAt: leg.answeredAt?.toISOString() ?? null,
  });
  return JSON.stringify({
    type: "cdr",
    callId: call.callId,
    callRef: call.order.callRef,
    attempt: call.order.attempt,
    state: "hangup",
    a: written(call.a),
    b: written(call.b),
    endedAt: call.endedAt.toISOString(),
    code,
    recording: null,
  });
}

test("a lost end is asked for, and the record ends as it was", async () => {
  const callId = await dial(line.id, { losesFinal: true });
  await on.until(callId, status("connected"));
  const far = await overAtFar(callId);
  expect((await recordOf(callId)).status).toBe("connected");
  on.clock.advance(askedAfterMs);
  const record = await on.ended(callId);
  expect(endOf(record)).toEqual(["ended", 0, "NORMAL_CLEARING"]);
  expect([record.closeTime, record.connTime]).toEqual([far.endedAt.toISOString(), far.b.answeredAt.toISOString()]);
  expect([record.hasCdr, record.live]).toEqual([true, null]);
});

test("an ending without an answer that was lost is asked for, too", async () => {
  const callId = await dial(line.id, { losesFinal: true, ending: "b-busy" });
  await overAtFar(callId);
  on.clock.advance(askedAfterMs);
  expect(endOf(await on.ended(callId))).toEqual(["busy", 4, "USER_BUSY"]);
});

test("a call that nobody can tell of closes at its latest end, not before", async () => {
  const callId = await dial(line.id, { silentAfterRinging: true });
  const { created } = await on.until(callId, status("ringing"));
  on.clock.advance(closedAfterMs - 30_000);
  await overAtFar(callId);
  const waiting = await recordOf(callId);
  expect([waiting.status, waiting.live]).toEqual(["ringing", "unknown"]);
  on.clock.advance(30_000);
  const record = await on.ended(callId);
  expect([...endOf(record), record.answered, record.duration]).toEqual(["failed", 255, "TIMEOUT", false, 0]);
  expect(Date.parse(record.closeTime) - Date.parse(created)).toBeGreaterThanOrEqual(closedAfterMs);
});

test("an answered call whose end is lost closes at its maximum and five minutes; a late CDR puts it right", async () => {
  const callId = await dial(quiet.id, { losesFinal: true }, { maxDuration: 600 });
  await on.until(callId, status("connected"));
  const far = await overAtFar(callId);
  on.clock.advance(600_000 + 240_000);
  expect((await recordOf(callId)).status).toBe("connected");
  on.clock.advance(60_000);
  const closed = await on.ended(callId);
  expect([...endOf(closed), closed.duration]).toEqual(["ended", 255, "TIMEOUT", 600]);
  expect((await push(on, quiet, cdrOf(far, "completed"))).status).toBe(200);
  const corrected = await on.until(callId, (one) => one.version > closed.version);
  expect(endOf(corrected)).toEqual(["ended", 0, "NORMAL_CLEARING"]);
  const talked = Math.floor((far.endedAt - far.b.answeredAt) / 1000);
  expect([corrected.duration, corrected.hasCdr]).toEqual([talked, true]);
});

test("a late CDR corrects a call that was given up unanswered", async () => {
  const callId = await dial(quiet.id, { silentAfterRinging: true });
  await on.until(callId, status("ringing"));
  const far = await overAtFar(callId);
  on.clock.advance(closedAfterMs);
  const closed = await on.ended(callId);
  expect(endOf(closed)).toEqual(["failed", 255, "TIMEOUT"]);
  await push(on, quiet, cdrOf(far, "completed"));
  const corrected = await on.until(callId, (one) => one.version > closed.version);
  expect([...endOf(corrected), corrected.answered]).toEqual(["ended", 0, "NORMAL_CLEARING", true]);
});

test("a channel that may lose news waits for the maximum duration and five minutes, and says that it does not know", async () => {
  const callId = await dial(lossy.id, { silentAfterRinging: true }, { maxDuration: 600 });
  await on.until(callId, status("ringing"));
  expect((await recordOf(callId)).live).toBe("known");
  await overAtFar(callId);
  on.clock.advance(600_000);
  const waiting = await recordOf(callId);
  expect([waiting.state, waiting.live, waiting.can]).toEqual(["init", "unknown", ["hangup"]]);
  on.clock.advance(300_000);
  expect(endOf(await on.ended(callId))).toEqual(["failed", 255, "TIMEOUT"]);
});

test("news of a call that is over changes nothing that it does not know better", async () => {
  const callId = await dial(line.id, {});
  const done = await withCdr(on, callId);
  const far = await overAtFar(callId);
  const before = (await on.ask("GET", "/api/v1/health/callback-log")).body.handled.deliveries;
  for (let times = 0; times < 3; times++) await push(on, line, cdrOf(far, "completed"));
  await handled(on, before + 3);
  const { body } = await on.ask("GET", `/api/v1/calls/${callId}/events`);
  expect(body.events.filter((one: Json) => one.kind === "cdr")).toHaveLength(1);
  const after = await recordOf(callId);
  expect([after.version, endOf(after), after.duration]).toEqual([done.version, endOf(done), done.duration]);
});
