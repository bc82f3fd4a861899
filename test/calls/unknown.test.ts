/** Nobody's phone rings twice: what happens after a placement whose outcome is not known. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ChannelError } from "../../channels/contract.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { endOf, lineOf, outcomesOf, variants } from "./variant.ts";

/** Says that nobody knows, and has sent nothing: the provider will say that there is no such call. */
const mute = {
  channel: <C extends object>(channel: C) => ({
    ...channel,
    async place(): Promise<never> {
      throw new ChannelError({ kind: "timeout", effect: "unknown", cause: "network" });
    },
  }),
};

let on: TestService;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({
    tickMs: 50,
    loadChannel: variants({
      mute,
      doubtful: { ...mute, definition: { lookup: () => ({ settleAfterMs: 50, absentProvesForMs: 0 }) } },
      blind: {
        channel: ({ find: _find, ...channel }) => ({ ...channel, place: mute.channel({}).place }),
      },
    }),
  });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

/** A tenant of its own, with the lines to try first and one that answers everybody. */
async function tenantWith(id: string, first: Parameters<typeof lineOf>[1]): Promise<Json> {
  const key = await on.tenant(id);
  const { id: lineId } = await lineOf(on, { ...first, key });
  const other = await lineOf(on, { key, provider: first?.provider ?? "fake", config: { answersAll: true } });
  return { key, lineId, otherId: other.id };
}

const ask = (key: string) => ({
  ...on,
  ask: (method: string, path: string, options = {}) => on.ask(method, path, { key, ...options }),
});

async function endedFor(key: string, callId: string): Promise<Json> {
  for (let version = 0, rounds = 0; rounds < 60; rounds++) {
    const { body } = await on.ask("GET", `/api/v1/calls/${callId}/status?wait=2&version=${version}`, { key });
    if (body.status === "ended") return (await on.ask("GET", `/api/v1/calls/${callId}`, { key })).body;
    version = body.version;
  }
  throw new Error("the call never ended");
}

describe("an answer that was lost", () => {
  for (const lookup of ["running", "ended", "none"]) {
    for (const flavour of ["push", "poll"]) {
      test(`${flavour}, look-up ${lookup}: ends as answered, on the one line`, async () => {
        const { key, lineId } = await tenantWith(`lost-${flavour}-${lookup}`, { config: { flavour, lookup } });
        const [phone, agent] = [customer(7), customer(0)];
        const body = { customerPhone: phone, agent, placeWithin: 120 };
        const answer = await on.ask("POST", "/api/v1/calls/dial", { key, body });
        expect([200, 202]).toContain(answer.status);
        const record = await endedFor(key, answer.body.callId);
        expect(endOf(record)).toEqual(["ended", 0, "NORMAL_CLEARING"]);
        expect([record.lineId, record.answered, record.doubled]).toEqual([lineId, true, false]);
        expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 1, b: 1 });
        expect(await outcomesOf(ask(key), answer.body.callId)).toHaveLength(1);
      });
    }
  }

  test("nothing ever proves it: failed, 255, TIMEOUT, and nobody else was dialed", async () => {
    const { key } = await tenantWith("lost-for-good", { config: { flavour: "poll", lookup: "none" } });
    const phone = customer(7);
    on.far.script(`+86${phone}`, { silentAfterRinging: true });
    const body = { customerPhone: phone, agent: customer(0), placeWithin: 120, ringTimeout: 10 };
    const answer = await on.ask("POST", "/api/v1/calls/dial", { key, body });
    expect([answer.status, answer.body.status]).toEqual([202, "calling"]);
    on.clock.advance(2 * 10_000 + 120_000);
    expect(endOf(await endedFor(key, answer.body.callId))).toEqual(["failed", 255, "TIMEOUT"]);
    expect(on.far.ringsOf(`+86${phone}`).a).toBeLessThanOrEqual(1);
    expect(await outcomesOf(ask(key), answer.body.callId)).toEqual(["unknown"]);
  });

  test("garbage for an answer is looked up as well", async () => {
    const { key, lineId } = await tenantWith("garbage", { config: { flavour: "poll" } });
    const phone = customer(0);
    on.far.script(`+86${phone}`, { answer: "garbage" });
    const body = { customerPhone: phone, agent: customer(0), placeWithin: 120 };
    const answer = await on.ask("POST", "/api/v1/calls/dial", { key, body });
    const record = await endedFor(key, answer.body.callId);
    expect([record.status, record.lineId]).toEqual(["ended", lineId]);
    expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 1, b: 1 });
  });

  test("a provider that never answers: unknown after its deadline, then found", async () => {
    const { key, lineId } = await tenantWith("hanging", { config: { flavour: "poll", speed: 20 } });
    const phone = customer(0);
    on.far.script(`+86${phone}`, { answer: "never", talkSeconds: 200 });
    const body = { customerPhone: phone, agent: customer(0), placeWithin: 120 };
    const answer = await on.ask("POST", "/api/v1/calls/dial", { key, body });
    expect([200, 202]).toContain(answer.status);
    const record = await endedFor(key, answer.body.callId);
    expect([record.status, record.lineId]).toEqual(["ended", lineId]);
    expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 1, b: 1 });
  }, 30_000);
});

describe("a call that the provider never got", () => {
  const dialed = async (key: string, more: Record<string, unknown>) => {
    const phone = customer(0);
    const body = { customerPhone: phone, agent: customer(0), ...more };
    const answer = await on.ask("POST", "/api/v1/calls/dial", { key, body });
    expect([answer.status, answer.body.status]).toEqual([202, "calling"]);
    return { phone, callId: answer.body.callId as string };
  };

  /** The line that cannot place comes first, one of the fake's that can comes second. */
  async function twoLines(id: string, provider: string): Promise<Json> {
    const key = await on.tenant(id);
    const first = await lineOf(on, { key, provider });
    const second = await lineOf(on, { key });
    return { key, firstId: first.id, secondId: second.id };
  }

  test("absent: the next line is tried inside placeWithin", async () => {
    const { key, secondId } = await twoLines("absent", "mute");
    const { callId, phone } = await dialed(key, { placeWithin: 120 });
    const record = await endedFor(key, callId);
    expect([record.status, record.lineId, record.channel]).toEqual(["ended", secondId, "fake"]);
    expect(await outcomesOf(ask(key), callId)).toEqual(["absent", "placed"]);
    expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 1, b: 1 });
  });

  test("absent: no other line with placeWithin 0", async () => {
    const { key } = await twoLines("absent-late", "mute");
    const { callId, phone } = await dialed(key, { placeWithin: 0 });
    expect(endOf(await endedFor(key, callId))).toEqual(["failed", 255, "TIMEOUT"]);
    expect(await outcomesOf(ask(key), callId)).toEqual(["absent"]);
    expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 0, b: 0 });
  });

  for (const [provider, why] of [
    ["doubtful", "absent is not believed once it proves nothing"],
    ["blind", "a provider that cannot be asked"],
  ] as const) {
    test(`${why}: no other line, failed at the latest end`, async () => {
      const { key } = await twoLines(provider, provider);
      const { callId, phone } = await dialed(key, { placeWithin: 120, ringTimeout: 5 });
      on.clock.advance(2 * 5_000 + 120_000);
      expect(endOf(await endedFor(key, callId))).toEqual(["failed", 255, "TIMEOUT"]);
      expect(await outcomesOf(ask(key), callId)).toEqual(["unknown"]);
      expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 0, b: 0 });
    });
  }

  test("told twice at once that it is absent, one further line is tried", async () => {
    const { key } = await twoLines("absent-twice", "doubtful");
    await lineOf(on, { key });
    const { callId, phone } = await dialed(key, { placeWithin: 120, ringTimeout: 5 });
    const { calls } = on.service;
    const [line] = await calls.directory.linesOf("absent-twice");
    if (line === undefined) throw new Error("no line");
    const told = () => calls.settle({ tenant: line.tenant, callId, number: 1, line }, { is: "absent" });
    const settled = await Promise.all([told(), told()]);
    expect(settled.filter(({ next }) => next !== null)).toHaveLength(1);
    expect(await outcomesOf(ask(key), callId)).toEqual(["absent", "sent"]);
    expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 0, b: 0 });
  });
});
