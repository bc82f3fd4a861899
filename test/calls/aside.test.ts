/** A provider that lies, or dies in the middle, costs nobody else anything. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { sql } from "drizzle-orm";
import { ChannelError } from "../../channels/contract.ts";
import { rows } from "../../db/sql.ts";
import { customer, type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { endOf, lineOf, outcomesOf, type Variant, variants } from "./variant.ts";

/** Gives every call but those of one agent the same id, which no provider may do. */
const honest = customer(0);
const twin: Variant = {
  channel: ({ follow: _follow, ...channel }) => ({
    ...channel,
    async place(order) {
      if (order.agent.phone?.national() !== honest) return { providerCallId: "one-for-all", providerJobId: null };
      throw new ChannelError({ kind: "timeout", effect: "unknown", cause: "network" });
    },
    find: async (order) => ({
      providerCallId: order.agent.phone?.national() === honest ? "its-own" : "one-for-all",
      providerJobId: null,
    }),
  }),
};

let openGate: () => void = () => {};
const gated: Variant = {
  channel: (channel) => ({
    ...channel,
    async place(order, signal) {
      const placement = await channel.place(order, signal);
      await new Promise<void>((open) => {
        openGate = open;
      });
      return placement;
    },
  }),
};

let on: TestService;
// A busy machine is no fault of what is tested.
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 50, loadChannel: variants({ twin, gated }) });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

test("a provider that gives two calls one id: the second stays unknown, and look-ups of others go on", async () => {
  const { id: lineId } = await lineOf(on, { provider: "twin", config: { flavour: "poll" } });
  const dial = async (agent: string) => {
    const { status, body } = await on.dial({ customerPhone: customer(0), agent, lineId, ringTimeout: 30 });
    return [status, body.callId as string] as const;
  };
  const [[one], [two, second]] = [await dial(customer(0)), await dial(customer(0))];
  expect([one, two]).toEqual([200, 202]);
  // What a crash would have left is taken up after a while.
  on.clock.advance(20_000);
  const [three, third] = await dial(honest);
  expect(three).toBe(202);
  while ((await outcomesOf(on, third))[0] !== "placed");
  while ((await outcomesOf(on, second))[0] !== "unknown");
  expect(await outcomesOf(on, second)).toEqual(["unknown"]);
  on.clock.advance(2 * 30_000 + 120_000);
  expect(endOf(await on.ended(second))).toEqual(["failed", 255, "TIMEOUT"]);
});

test("a placement that news proved is asked about later, even if its answer never comes", async () => {
  const { id: lineId } = await lineOf(on, { provider: "gated" });
  const phone = customer(0);
  on.far.script(`+86${phone}`, { talkSeconds: 3_000 });
  const dialing = on.dial({ customerPhone: phone, agent: customer(0), lineId });
  let callId = "";
  while (callId === "") {
    const { body } = await on.ask("POST", "/api/v1/calls/search", { body: { phone } });
    callId = body.calls[0]?.callId ?? "";
  }
  await on.until(callId, (status) => status.status === "connected");
  const found = await on.database.db.run((q) =>
    q.execute(sql`select outcome, follow_due is not null as asked from call_attempts where call_id = ${callId}`),
  );
  openGate();
  expect(rows<Json>(found)).toEqual([{ outcome: "placed", asked: true }]);
  expect((await dialing).body.callId).toBe(callId);
  await on.ask("POST", "/api/v1/calls/hangup", { body: { callId } });
  await on.ended(callId);
});
