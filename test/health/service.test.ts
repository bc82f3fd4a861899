/** Health in the whole service: what calls, pushes and probes do to a line, and what operators and apps see of it. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { ChannelError, type ErrorCause, type ErrorKind } from "../../channels/contract.ts";
import { lineOf, type Variant, variants } from "../calls/variant.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { openSocket } from "../streams/desk.ts";

const says = (kind: ErrorKind, cause: ErrorCause): Variant => ({
  channel: (channel) => ({
    ...channel,
    async place() {
      throw new ChannelError({ kind, effect: "none", cause });
    },
  }),
});
/** Its adapter reaches nobody, or is refused, as long as this says so. */
const probe: { fails: ErrorKind | null } = { fails: null };

let on: TestService;
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({
    loadChannel: variants({
      comply: says("compliance", "window"),
      number: says("refused", "number"),
      limits: says("limited", "concurrency"),
      broken: says("refused", "server"),
      empty: says("refused", "balance"),
      mute: {
        channel: (channel) => ({
          ...channel,
          place: async () => ({ providerCallId: randomUUID(), providerJobId: null }),
        }),
      },
      probed: {
        channel: (channel) => ({
          ...channel,
          async probe() {
            if (probe.fails !== null) throw new ChannelError({ kind: probe.fails, effect: "none", cause: "network" });
          },
        }),
      },
    }),
  });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

async function seen(lineId: number): Promise<Json> {
  const { body } = await on.ask("GET", "/api/v1/health/channels");
  return body.channels.flatMap(({ lines }: Json) => lines).find((line: Json) => line.lineId === lineId);
}

async function dial(lineId: number, times: number, digit = 0): Promise<void> {
  for (let n = 0; n < times; n++) await on.dial({ customerPhone: customer(digit), agent: customer(0), lineId });
}

async function until(lineId: number, satisfied: (line: Json) => boolean, advanceMs = 0): Promise<Json> {
  for (let n = 0; n < 2_000; n++) {
    const line = await seen(lineId);
    if (satisfied(line)) return line;
    if (advanceMs > 0) on.clock.advance(advanceMs);
  }
  throw new Error(`the line never came to that: ${JSON.stringify(await seen(lineId))}`);
}

const act = (lineId: number, what: string, options = {}) =>
  on.ask("POST", `/api/v1/health/lines/${lineId}/${what}`, options);

describe("calls", () => {
  test("a rule, a number, a limit are no word against the line", async () => {
    for (const provider of ["comply", "number", "limits"]) {
      const { id } = await lineOf(on, { provider });
      await dial(id, 8);
      const line = await seen(id);
      expect([line.health, line.evidence.failuresInARow, line.transitions]).toEqual(["up", 0, []]);
    }
  });

  test("a line that fails goes down: lists, events, desks and metrics say so", async () => {
    const { id } = await lineOf(on, { provider: "broken" });
    const desk = await openSocket(on, on.key);
    await desk.until(({ type }) => type === "READY");
    const { body: before } = await on.ask("GET", "/api/v1/events?after=now");
    await dial(id, 5);
    const line = await until(id, ({ health }) => health === "down");
    expect(line).toMatchObject({ cause: "failing", share: 0, trial: false, uncertain: false });
    expect(line.words.zh.length).toBeGreaterThan(5);
    expect(line.transitions[0]).toMatchObject({ from: "up", to: "down", cause: "failing" });
    expect((await on.ask("GET", `/api/v1/calls/lines/${id}`)).body.health).toBe("down");
    const frame = await desk.until(({ type, data }) => type === "LINE_HEALTH" && data.lineId === id);
    expect(frame.data).toMatchObject({ health: "down", before: "up", cause: "failing" });
    desk.cut();
    const events = (await on.ask("GET", `/api/v1/events?after=${before.next}`)).body.events;
    const told = events.find((one: Json) => one.type === "line.down" && one.data.lineId === id);
    expect(told).toMatchObject({ callId: null, version: 1, data: { channel: "broken", health: "down" } });
    const metrics = (await on.ask("GET", "/metrics")).text;
    expect(metrics).toMatch(/hualu_line_transitions_total\{channel="other",state="down",reason="failing"\} \d/);
    expect(metrics).toMatch(/hualu_lines\{channel="other",state="down"\} \d/);
  });

  test("an empty balance says so, after two", async () => {
    const { id } = await lineOf(on, { provider: "empty" });
    await dial(id, 2);
    expect(await until(id, ({ health }) => health === "down")).toMatchObject({ cause: "balance" });
  });

  test("calls that are accepted and never heard of take the line down, and the callback log says so", async () => {
    const { id } = await lineOf(on, { provider: "mute" });
    await dial(id, 5);
    expect((await seen(id)).health).toBe("up");
    expect(await until(id, ({ health }) => health === "down", 500)).toMatchObject({ cause: "silent", uncertain: true });
    // The drain has to look once more after the clock was put forward.
    for (;;) {
      const { body } = await on.ask("GET", "/api/v1/health/callback-log");
      expect(body.causes.map(({ cause }: Json) => cause)).toContain("silent");
      if (body.health === "degraded") break;
    }
  });

  test("calls that go well leave their figures", async () => {
    const id = await on.line("well", { speed: 100 });
    for (const digit of [0, 0, 2]) {
      const { body } = await on.dial({ customerPhone: customer(digit), agent: customer(0), lineId: id });
      await on.ended(body.callId);
    }
    const line = await until(id, ({ evidence }) => evidence.asr !== null && evidence.pddP50Ms !== null);
    expect(line.health).toBe("up");
    expect(line.evidence.lastHeard).not.toBeNull();
    expect(line.evidence.silentCalls).toBe(0);
    expect((await until(id, ({ evidence }) => evidence.asr === 0.67)).evidence.slowestPlacementMs).not.toBeNull();
  });
});

describe("pushes", () => {
  test("whose authentication fails degrade the line they are for", async () => {
    const line = await lineOf(on);
    for (let n = 0; n < 5; n++) expect((await fetch(line.webhookUrl, { method: "POST", body: "{}" })).status).toBe(401);
    expect(await until(line.id, ({ health }) => health === "degraded")).toMatchObject({ cause: "pushes-refused" });
    const { body } = await on.ask("GET", "/api/v1/health/callback-log");
    expect(body.causes.map(({ cause }: Json) => cause)).toContain("pushes-refused");
  });
});

describe("probes", () => {
  test("that miss take a line down, and good ones let it in again, by themselves", async () => {
    const { id } = await lineOf(on, { provider: "probed" });
    await until(id, ({ evidence }) => evidence.lastProbe !== null, 1_000);
    probe.fails = "unreachable";
    const down = await until(id, ({ health }) => health === "down", 1_000);
    expect([down.cause, down.evidence.missedProbes]).toEqual(["unreachable", 5]);
    probe.fails = null;
    const up = await until(id, ({ health }) => health === "up", 500);
    expect(up.share).toBeLessThan(1);
    expect(up.transitions.map(({ cause }: Json) => cause)).toEqual(["recovered", "unreachable"]);
  });

  test("are made at once when an operator asks", async () => {
    const { id } = await lineOf(on, { provider: "probed" });
    const { status, body } = await act(id, "probe");
    expect([status, body.success, body.line.evidence.missedProbes]).toEqual([200, true, 0]);
    probe.fails = "timeout";
    const missed = (await act(id, "probe")).body;
    probe.fails = null;
    expect([missed.success, missed.line.evidence.missedProbes]).toEqual([false, 1]);
    expect(missed.message).toContain(" · ");
  });
});

describe("operators", () => {
  test("hold a line with a reason, which tells no number, and release it", async () => {
    const { id } = await lineOf(on);
    const phone = customer(0);
    const held = await act(id, "hold", { body: { reason: `maintenance, ask ${phone}` } });
    expect([held.status, held.body.line.health, held.body.line.reason]).toEqual([200, "held", "maintenance, ask ***"]);
    expect(held.body.line.heldBy).toMatch(/^key_/);
    expect((await act(id, "hold", { body: {} })).status).toBe(422);
    const released = await act(id, "release");
    expect([released.body.line.health, released.body.line.transitions.length]).toEqual(["up", 2]);
    expect(released.body.line.share).toBeLessThan(0.2);
  });

  test("of another tenant, or without the scope, can do and see nothing", async () => {
    const { id } = await lineOf(on);
    const other = await on.tenant("health-other");
    const { body: made } = await on.ask("POST", "/api/v1/keys", { body: { name: "k", scopes: ["read", "manage"] } });
    on.secrets.push(made.key);
    for (const [key, status] of [
      [other, 404],
      [made.key, 403],
      [null, 401],
    ] as const) {
      expect((await act(id, "hold", { key, body: { reason: "x" } })).status).toBe(status);
      expect((await act(id, "release", { key })).status).toBe(status);
      expect((await act(id, "probe", { key })).status).toBe(status);
    }
    expect((await on.ask("GET", "/api/v1/health/channels", { key: other })).body).toEqual({ channels: [] });
    expect((await on.ask("GET", "/api/v1/health/channels", { key: made.key })).status).toBe(403);
    expect((await seen(id)).transitions).toEqual([]);
  });
});
