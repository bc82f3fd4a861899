/** Acting on a running call: hanging up, muting, holding, transferring. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ChannelError } from "../../channels/contract.ts";
import { hangup as endCall } from "../../src/calls/hangup.ts";
import { type Answer, customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { codeOf, endOf, lineOf, type Variant, variants } from "./variant.ts";

interface Gate {
  /** The call's id, once its placement has been accepted. */
  reached: Promise<string>;
  /** Lets the answer through. */
  open(): void;
}
const gates = new Map<string, Gate & { reach(callId: string): void; opened: Promise<void> }>();

function gateOf(customerNumber: string): Gate {
  const reached = Promise.withResolvers<string>();
  const opened = Promise.withResolvers<void>();
  const gate = { reached: reached.promise, reach: reached.resolve, opened: opened.promise, open: opened.resolve };
  gates.set(customerNumber, gate);
  return gate;
}

const gated: Variant = {
  channel: (channel) => ({
    ...channel,
    async place(order, signal) {
      const placement = await channel.place(order, signal);
      const gate = gates.get(order.customer.reveal());
      gate?.reach(order.callId);
      await gate?.opened;
      return placement;
    },
  }),
};

const refusing: Variant = {
  channel: (channel) => ({
    ...channel,
    async place(order) {
      const gate = gates.get(order.customer.reveal());
      gate?.reach(order.callId);
      await gate?.opened;
      throw new ChannelError({ kind: "refused", effect: "none", cause: "concurrency" });
    },
  }),
};

let on: TestService;
let lineId: number;
let uncontrolled: number;
let dumb: number;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({
    tickMs: 50,
    loadChannel: variants({ gated, refusing, dumb: { definition: { canHangUp: () => false } } }),
  });
  // Slow enough for a test to act while a phone rings.
  lineId = (await lineOf(on, { config: { speed: 5 } })).id;
  uncontrolled = (await lineOf(on, { config: { controls: false } })).id;
  dumb = (await lineOf(on, { provider: "dumb" })).id;
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const hangup = (callId: string, key = on.key): Promise<Answer> =>
  on.ask("POST", "/api/v1/calls/hangup", { key, body: { callId } });
const control = (callId: string, body: unknown, key = on.key): Promise<Answer> =>
  on.ask("POST", `/api/v1/calls/${callId}/control`, { key, body });

async function call(script: Json = {}, more: Record<string, unknown> = {}): Promise<{ callId: string; phone: string }> {
  const phone = customer(0);
  on.far.script(`+86${phone}`, { talkSeconds: 3_000, ...script });
  const answer = await on.dial({ customerPhone: phone, agent: customer(0), lineId, ...more });
  expect([200, 202]).toContain(answer.status);
  return { callId: answer.body.callId, phone };
}

/** Follows a call by its record until it has what is looked for. */
async function recordWith(callId: string, satisfied: (record: Json) => boolean): Promise<Json> {
  let record: Json = null;
  for (let rounds = 0; rounds < 60; rounds++) {
    record = (await on.ask("GET", `/api/v1/calls/${callId}`)).body;
    if (satisfied(record)) return record;
    await on.ask("GET", `/api/v1/calls/${callId}/status?wait=2&version=${record.version}`);
  }
  throw new Error(`never: ${JSON.stringify(record)}`);
}

const connected = (callId: string): Promise<Json> => on.until(callId, (status) => status.status === "connected");

describe("hang-up", () => {
  for (const [leg, field] of [
    ["A", "aRingTime"],
    ["B", "bRingTime"],
  ] as const) {
    test(`while ${leg} rings: missed, 0`, async () => {
      const { callId, phone } = await call();
      if (leg === "A") await on.until(callId, (status) => status.status === "ringing");
      else await connectedOrRinging(callId);
      expect((await hangup(callId)).status).toBe(200);
      const record = await on.ended(callId);
      expect(endOf(record)).toEqual(["missed", 0, "NORMAL_CLEARING"]);
      expect([record.answered, record.duration, record.can]).toEqual([false, 0, []]);
      if (leg === "A") expect(on.far.ringsOf(`+86${phone}`).b).toBe(0);
      else expect(record[field]).not.toBeNull();
    });
  }

  /** B's ringing changes no status: the record tells it. */
  async function connectedOrRinging(callId: string): Promise<void> {
    const record = await recordWith(callId, (one) => one.aOffhookTime !== null && one.bRingTime !== null);
    expect(record.status).toBe("ringing");
  }

  test("while both talk: ended", async () => {
    const { callId } = await call();
    const record = await connected(callId);
    expect(record.can).toEqual(["hangup", "mute", "unmute", "hold", "resume", "transfer"]);
    expect((await hangup(callId)).status).toBe(200);
    expect(endOf(await on.ended(callId))).toEqual(["ended", 0, "NORMAL_CLEARING"]);
  });

  test("twice, and after the end, is no error", async () => {
    const { callId } = await call();
    const answers = await Promise.all([hangup(callId), hangup(callId), hangup(callId)]);
    expect(answers.map((one) => one.status)).toEqual([200, 200, 200]);
    await on.ended(callId);
    const after = await hangup(callId);
    expect([after.status, after.body.success]).toEqual([200, true]);
    const before = await on.ask("GET", `/api/v1/calls/${callId}`);
    expect(before.body.status).toBe("missed");
  });

  test("while the placement is under way: the call ends once it is placed", async () => {
    const phone = customer(0);
    const { id } = await lineOf(on, { config: { speed: 1 } });
    on.far.script(`+86${phone}`, { answerAfterMs: 500, talkSeconds: 3_000 });
    const dialing = on.dial({ customerPhone: phone, agent: customer(0), lineId: id });
    let callId = "";
    while (callId === "") {
      const { body } = await on.ask("POST", "/api/v1/calls/search", { body: { phone } });
      callId = body.calls[0]?.callId ?? "";
    }
    expect((await hangup(callId)).status).toBe(200);
    await dialing;
    expect(endOf(await on.ended(callId))).toEqual(["missed", 0, "NORMAL_CLEARING"]);
  });

  test("between the look at the call and the wish, its placement is answered: the call ends as well", async () => {
    const { id } = await lineOf(on, { provider: "gated", config: { flavour: "poll", speed: 1 } });
    const phone = customer(0);
    const gate = gateOf(`+86${phone}`);
    const dialing = on.dial({ customerPhone: phone, agent: customer(0), lineId: id });
    const callId = await gate.reached;
    const { calls } = on.service;
    // The real directory, answering a little later: when the placement has been written.
    const directory: typeof calls.directory = {
      ...calls.directory,
      async linesOf(tenant) {
        gate.open();
        await dialing;
        return calls.directory.linesOf(tenant);
      },
    };
    expect(await endCall({ ...calls, directory }, "default", callId)).toEqual({ already: false });
    expect(endOf(await on.ended(callId))).toEqual(["missed", 0, "NORMAL_CLEARING"]);
  });

  test("while nobody knows whether it was placed: the call ends once it is found", async () => {
    const { id } = await lineOf(on, { config: { flavour: "poll", speed: 2 } });
    const { callId, phone } = await call({ answer: "lost" }, { lineId: id });
    expect((await hangup(callId)).status).toBe(200);
    expect(endOf(await on.ended(callId))).toEqual(["missed", 0, "NORMAL_CLEARING"]);
    expect(on.far.ringsOf(`+86${phone}`).a).toBeLessThanOrEqual(1);
  });

  test("while it is news that proves the placement: the call ends as well", async () => {
    const { id } = await lineOf(on, { config: { flavour: "push", lookup: "none", speed: 2 } });
    const { callId, phone } = await call({ answer: "lost", lateMs: 300 }, { lineId: id });
    expect((await hangup(callId)).status).toBe(200);
    expect(endOf(await on.ended(callId))).toEqual(["missed", 0, "NORMAL_CLEARING"]);
    expect(on.far.ringsOf(`+86${phone}`).a).toBeLessThanOrEqual(1);
  });

  test("after a no, no further line is tried", async () => {
    const key = await on.tenant("given-up");
    await lineOf(on, { key, provider: "refusing" });
    await lineOf(on, { key });
    const phone = customer(0);
    const gate = gateOf(`+86${phone}`);
    const dialing = on.ask("POST", "/api/v1/calls/dial", { key, body: { customerPhone: phone } });
    const callId = await gate.reached;
    expect((await hangup(callId, key)).status).toBe(200);
    gate.open();
    const answer = await dialing;
    expect([answer.status, answer.body.status]).toEqual([200, "ended"]);
    const { body: record } = await on.ask("GET", `/api/v1/calls/${callId}`, { key });
    expect(endOf(record)).toEqual(["missed", 0, "NORMAL_CLEARING"]);
    expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 0, b: 0 });
  });

  test("an unknown call and another tenant's are the same nothing", async () => {
    const { callId } = await call();
    const key = await on.tenant("stranger");
    const unknown = await hangup("call_20200101_0000000000000000");
    const foreign = await hangup(callId, key);
    expect([codeOf(unknown), codeOf(foreign)]).toEqual([
      [404, "not_found"],
      [404, "not_found"],
    ]);
    expect(foreign.body.detail).toBe(unknown.body.detail);
    expect(codeOf(await control(callId, { action: "mute" }, key))).toEqual([404, "not_found"]);
    await hangup(callId);
    await on.ended(callId);
  });

  test("a line that cannot says so, in `can` and in its answer", async () => {
    const { callId } = await call({}, { lineId: dumb });
    const record = await connected(callId);
    expect(record.can).not.toContain("hangup");
    expect(codeOf(await hangup(callId))).toEqual([409, "cannot_hang_up"]);
    expect((await on.ask("GET", `/api/v1/calls/${callId}`)).body.status).toBe("connected");
  });
});

describe("control", () => {
  test("every action reaches the provider", async () => {
    const { callId, phone } = await call({}, { lineId: (await lineOf(on)).id });
    await connected(callId);
    await on.ask("POST", "/api/v1/agents", {
      body: { id: "bert", name: "B", phone: customer(0), seats: { fake: "8002" } },
    });
    for (const body of [
      { action: "mute" },
      { action: "unmute" },
      { action: "hold" },
      { action: "resume" },
      { action: "transfer", to: "bert" },
      { action: "transfer", to: "10086" },
    ]) {
      expect((await control(callId, body)).status).toBe(200);
    }
    const far = on.far.calls.find((one) => one.order.customer === `+86${phone}`);
    expect(far?.controlled).toEqual(["mute", "unmute", "hold", "resume", "transfer 8002", "transfer 10086"]);
    await hangup(callId);
    await on.ended(callId);
    expect(codeOf(await control(callId, { action: "mute" }))).toEqual([409, "conflict"]);
  });

  test("a transfer needs somebody to go to", async () => {
    const { callId } = await call({}, { lineId: (await lineOf(on)).id });
    await connected(callId);
    for (const to of [undefined, "nobody", "12"]) {
      const answer = await control(callId, { action: "transfer", to });
      expect([...codeOf(answer), answer.body.errors[0].field]).toEqual([422, "invalid", "to"]);
    }
    await hangup(callId);
  });

  test("not before both talk", async () => {
    const { callId } = await call();
    expect((await on.ask("GET", `/api/v1/calls/${callId}`)).body.can).toEqual(["hangup"]);
    expect(codeOf(await control(callId, { action: "hold" }))).toEqual([409, "conflict"]);
    await hangup(callId);
  });

  test("a line without controls lists none and does none", async () => {
    const { callId } = await call({}, { lineId: uncontrolled });
    expect((await connected(callId)).can).toEqual(["hangup"]);
    for (const action of ["mute", "unmute", "hold", "resume"])
      expect(codeOf(await control(callId, { action }))).toEqual([409, "unsupported"]);
    expect(codeOf(await control(callId, { action: "transfer", to: "10086" }))).toEqual([409, "unsupported"]);
    await hangup(callId);
  });

  test("an action that is none is refused", async () => {
    const { callId } = await call();
    for (const body of [{}, { action: "explode" }, { action: 5 }, { action: "mute", force: true }, [], null])
      expect(codeOf(await control(callId, body))).toEqual([422, "invalid"]);
    await hangup(callId);
  });
});
