import assert from "node:assert/strict";
import type { CallEvent, CloseType, HangupCause, Leg } from "../../../channels/contract.ts";
import type { Ending } from "../harness.ts";
import { brief, channelOf, type Line, read, withLine } from "../line.ts";
import { type Check, failure } from "./check.ts";

interface Expected {
  close: readonly [CloseType, HangupCause];
  rang: string;
  answered: string;
}

/** The table "how a call went" of product.md, for calls that a provider accepted. */
const expected: [Ending, Expected][] = [
  ["answered", { close: [0, "NORMAL_CLEARING"], rang: "ab", answered: "ab" }],
  ["jumbled", { close: [0, "NORMAL_CLEARING"], rang: "ab", answered: "ab" }],
  ["a-no-answer", { close: [1, "NO_ANSWER"], rang: "a", answered: "" }],
  ["b-no-answer", { close: [2, "NO_ANSWER"], rang: "ab", answered: "a" }],
  ["a-busy", { close: [3, "USER_BUSY"], rang: "", answered: "" }],
  ["b-busy", { close: [4, "USER_BUSY"], rang: "a", answered: "a" }],
  ["a-declined", { close: [3, "CALL_REJECTED"], rang: "a", answered: "" }],
  ["b-declined", { close: [4, "CALL_REJECTED"], rang: "ab", answered: "a" }],
  ["b-vacant", { close: [2, "UNALLOCATED_NUMBER"], rang: "a", answered: "a" }],
  ["b-malformed", { close: [2, "INVALID_NUMBER"], rang: "a", answered: "a" }],
  ["max-duration", { close: [5, "NORMAL_CLEARING"], rang: "ab", answered: "ab" }],
];

export const isOver = (events: CallEvent[]) => events.some((event) => event.kind === "cdr" || event.kind === "ended");
const hasCdr = (events: CallEvent[]) => events.some((event) => event.kind === "cdr");

/** The most trusted of the events that fit, the earliest among equals. */
function best(events: CallEvent[], fits: (event: CallEvent) => boolean): CallEvent | undefined {
  const time = (event: CallEvent) => event.at?.getTime() ?? Number.POSITIVE_INFINITY;
  return events.filter(fits).sort((x, y) => y.authority - x.authority || time(x) - time(y))[0];
}

function legsWith(events: CallEvent[], kind: "ringing" | "answered"): string {
  const has = (leg: Leg) => events.some((event) => event.kind === kind && event.leg === leg);
  return `${has("a") ? "a" : ""}${has("b") ? "b" : ""}`;
}

async function goesAs(line: Line, ending: Ending, want: Expected, hearsRinging: boolean): Promise<void> {
  const order = line.order(ending);
  const events = await line.newsOf(order, await line.place(order), hasCdr);
  const end = best(events, (event) => event.kind === "ended");
  assert(end?.kind === "ended", `${ending}: no end`);
  assert.deepEqual([end.closeType, end.cause], want.close, ending);
  assert.equal(legsWith(events, "ringing"), hearsRinging ? want.rang : "", `${ending}: who rang`);
  assert.equal(legsWith(events, "answered"), want.answered, `${ending}: who answered`);
  assert(end.raw !== "" && end.raw.length <= 64);
  for (const event of events) assert((event.chState ?? "").length <= 32);
}

export const newsChecks: Check[] = [
  {
    name: "news: every ending reads as product.md's table says",
    run: (harness) =>
      withLine(harness, async (line) => {
        const wish = { notifyUrl: "http://127.0.0.1:9/", record: false };
        const playable = expected.filter(([ending]) => harness.order(ending, wish));
        assert(playable.length > 0);
        // Some providers tell that a leg is called, and never that it rings.
        const hearsRinging = harness.fixtures.some(({ events }) => events.some((one) => one.startsWith("ringing")));
        await Promise.all(playable.map(([ending, want]) => goesAs(line, ending, want, hearsRinging)));
      }),
  },
  {
    name: "news: times are the provider's, in order, and in the right zone",
    run: (harness) =>
      withLine(harness, async (line) => {
        const order = line.order("answered");
        const events = await line.newsOf(order, await line.place(order), hasCdr);
        const steps: ((event: CallEvent) => boolean)[] = (["a", "b"] as const).flatMap((leg) =>
          (["calling", "ringing", "answered"] as const).map(
            (kind) => (event: CallEvent) => event.kind === kind && event.leg === leg,
          ),
        );
        steps.push((event) => event.kind === "ended");
        const times = steps.flatMap((fits) => best(events, fits)?.at?.getTime() ?? []);
        assert(times.length > 1);
        assert.deepEqual(
          times,
          times.toSorted((x, y) => x - y),
          "the events' times are out of order",
        );
        for (const time of times)
          assert(Math.abs(time - harness.tools.now().getTime()) < 60_000, "another zone's time");
      }),
  },
  {
    name: "news: each state that the provider tells is told while the call runs",
    run: (harness) =>
      withLine(harness, async (line) => {
        const order = line.order("answered");
        const events = await line.newsOf(order, await line.place(order), hasCdr);
        const told = events.filter((event) => event.authority < 4).map((event) => brief(event).replace(/ @\d$/, ""));
        for (const state of harness.tells) assert(told.includes(state), `${state} is missing`);
        for (const event of events) assert.equal(event.ref.callId ?? order.callId, order.callId);
      }),
  },
  {
    name: "normalize: every fixture reads as written beside it",
    async run(harness) {
      const channel = channelOf(harness);
      assert(harness.fixtures.length > 0);
      for (const { name, delivery, events } of harness.fixtures) {
        assert.deepEqual(read(channel, delivery).map(brief), events, name);
      }
    },
  },
  {
    name: "normalize: pure",
    async run(harness) {
      const channel = channelOf(harness);
      const before = harness.fixtures.map(({ delivery }) => Buffer.from(delivery.body).toString("hex"));
      const first = harness.fixtures.map(({ delivery }) => read(channel, delivery));
      const backwards = harness.fixtures.toReversed().map(({ delivery }) => read(channel, delivery));
      const elsewhere = harness.fixtures.map(({ delivery }) => read(channelOf(harness), delivery));
      assert.deepEqual(backwards.toReversed(), first, "a second reading differs");
      assert.deepEqual(elsewhere, first, "another instance reads differently");
      const after = harness.fixtures.map(({ delivery }) => Buffer.from(delivery.body).toString("hex"));
      assert.deepEqual(after, before, "a delivery was changed");
    },
  },
  {
    name: "normalize: what nobody understands is kept as unrecognized",
    async run(harness) {
      const channel = channelOf(harness);
      assert(harness.unknownMessages.length > 0);
      for (const delivery of harness.unknownMessages) {
        const events = read(channel, delivery);
        assert(events.some((event) => event.kind === "unrecognized" && event.raw !== ""));
      }
    },
  },
  {
    name: "normalize: what is not the provider's form is refused",
    async run(harness) {
      const channel = channelOf(harness);
      const kinds = new Set(harness.fixtures.map(({ delivery }) => delivery.kind));
      for (const kind of kinds) {
        for (const text of ["", "nonsense", "[1,2]", "\u0000\u00ff", '{"a":', "{}", "null"]) {
          const delivery = { kind, body: new TextEncoder().encode(text) };
          await failure((async () => read(channel, delivery))(), `normalize of ${JSON.stringify(text)}`);
        }
      }
    },
  },
];
