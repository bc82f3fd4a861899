import { afterAll, beforeAll, expect, test } from "bun:test";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { type Connection, openEvents, openSocket, ticketOf } from "./desk.ts";

const testTimeoutMs = 30_000;

let on: TestService;
let line: number;
beforeAll(async () => {
  on = await startTestService();
  line = await on.line("push", { flavour: "push", speed: 20 });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

async function call(digit: number, more: Record<string, unknown> = {}): Promise<string> {
  const { body } = await on.dial({ customerPhone: customer(digit), agent: customer(0), lineId: line, ...more });
  return body.callId;
}

const open: Record<string, () => Promise<Connection>> = {
  WebSocket: async () => openSocket(on, await ticketOf(on)),
  SSE: () => openEvents(on, on.key),
};

for (const [name, connect] of Object.entries(open)) {
  test(
    `${name}: a call is told stage by stage, each once, with its versions in order`,
    async () => {
      const desk = await connect();
      await desk.until(({ type }) => type === "READY");
      const callId = await call(0, { userId: "u-1" });
      const last = await desk.until(({ type, data }) => type === "CALL_ENDED" && data.callId === callId);
      const own = desk.calls().filter(({ data }) => data.callId === callId);
      const stages = own.map(({ type }) => type).filter((type) => type !== "CALL_UPDATED");
      // News that is handled together is one change: a stage that was over by then is not told.
      const all = ["CALL_DIALING", "CALL_RINGING", "CALL_CONNECTED", "CALL_ENDED"];
      expect(stages).toEqual(all.filter((stage) => stages.includes(stage)));
      expect([stages.at(0), stages.at(-1)]).toEqual(["CALL_DIALING", "CALL_ENDED"]);
      for (const { type, data } of own) {
        const status = {
          CALL_DIALING: "calling",
          CALL_RINGING: "ringing",
          CALL_CONNECTED: "connected",
          CALL_ENDED: "ended",
        };
        if (type !== "CALL_UPDATED") expect(data.status).toBe(status[type as keyof typeof status]);
      }
      const versions = own.map(({ data }) => data.version);
      expect(versions).toEqual(versions.map((_, index) => index + 1));
      for (const { messageId, timestamp, data } of own) {
        expect(messageId).toMatch(/^evt_\d+$/);
        expect(Math.abs(timestamp - on.clock.now().getTime())).toBeLessThan(60_000);
        expect(data).toMatchObject({ callId, userId: "u-1", channel: "fake", lineId: line });
        expect(typeof data.cursor).toBe("string");
      }
      const record = (await on.ask("GET", `/api/v1/calls/${callId}`)).body;
      expect(last.data).toMatchObject({ status: "ended", result: "answered", duration: record.duration });
      expect(new Date(last.data.startTime).toISOString()).toBe(record.startTime);
      expect(new Date(last.data.endTime).toISOString()).toBe(record.endTime);
      desk.cut();
    },
    testTimeoutMs,
  );

  test(
    `${name}: a call that nobody answers ends once, with why`,
    async () => {
      const desk = await connect();
      const callId = await call(4);
      const ended = await desk.until(({ type, data }: Json) => type === "CALL_ENDED" && data.callId === callId);
      expect(ended.data).toMatchObject({ status: "ended", result: "busy", hangupCause: "USER_BUSY", duration: 0 });
      expect(ended.data.hangupAdvice.zh).toContain("重拨");
      await on.ended(callId);
      expect(desk.calls().filter(({ type, data }) => type === "CALL_ENDED" && data.callId === callId)).toHaveLength(1);
      desk.cut();
    },
    testTimeoutMs,
  );

  test(
    `${name}: a sign of life comes every 25 seconds, and carries a cursor to resume from`,
    async () => {
      const desk = await connect();
      await desk.until(({ type }) => type === "READY");
      on.clock.advance(26_000);
      const beat = await desk.until(({ type }) => type === "HEARTBEAT");
      desk.cut();
      // Nobody listens for so long that the feed is not even read.
      on.clock.advance(120_000);
      await Bun.sleep(200);
      const callId = await call(4);
      await on.ended(callId);
      const again = await openSocket(on, on.key, beat.data.cursor);
      await again.until(({ type, data }) => type === "CALL_ENDED" && data.callId === callId);
      const own = again.calls().filter(({ data }) => data.callId === callId);
      expect(own.map(({ data }) => data.version)).toEqual(own.map((_, index) => index + 1));
      expect(again.messages.map(({ type }) => type)).not.toContain("RESET");
      again.cut();
    },
    testTimeoutMs,
  );
}
