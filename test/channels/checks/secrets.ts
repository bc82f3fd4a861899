import assert from "node:assert/strict";
import { inspect } from "node:util";
import type { CallOrder, ChannelError } from "../../../channels/contract.ts";
import type { FaultName } from "../faults.ts";
import type { Harness } from "../harness.ts";
import { channelOf, never, read, withLine } from "../line.ts";
import { type Check, failure, orderOf, placeInto } from "./check.ts";

/** All that may not be repeated: secrets whole, numbers also without their country code. */
function hidden(harness: Harness, order: CallOrder): string[] {
  const numbers = [order.customer, order.agent.phone, order.displayNumber].flatMap((number) =>
    number ? [number.reveal(), number.national()] : [],
  );
  return [...harness.secrets, ...numbers];
}

function assertSilent(texts: readonly string[], words: readonly string[], what: string): void {
  // The message may not repeat what it found.
  for (const text of texts)
    for (const word of words) assert(!text.includes(word), `${what} repeats a secret or a number`);
}

function textsOf(error: ChannelError): string[] {
  const fields = Object.getOwnPropertyNames(error).map((name) => String(Reflect.get(error, name)));
  return [
    error.message,
    error.stack ?? "",
    JSON.stringify(error),
    inspect(error, { showHidden: true, depth: 5 }),
    ...fields,
  ];
}

export const secretChecks: Check[] = [
  {
    name: "secrets: no error repeats a secret or a number",
    async run(harness) {
      for (const ending of ["refused", "server-error", "lost-answer"] as const) {
        const order = orderOf(harness, ending);
        const error = await failure(channelOf(harness).place(order, never()), `place to ${ending}`);
        assertSilent(textsOf(error), hidden(harness, order), `the error of ${ending}`);
      }
      const order = orderOf(harness, "answered");
      const wrong = await failure(channelOf(harness, {}, harness.wrongConfig).place(order, never()), "a wrong secret");
      assertSilent(textsOf(wrong), hidden(harness, order), "the error of wrong credentials");
      const names: (FaultName | "dead")[] = ["dead", "echo", "reset", "garbage", "badGateway"];
      for (const name of names) {
        const { error } = await placeInto(harness, name, { order });
        assert(error);
        assertSilent(textsOf(error), hidden(harness, order), `the error of ${name}`);
      }
    },
  },
  {
    name: "secrets: a fetch that talks is not repeated either",
    async run(harness) {
      const order = orderOf(harness, "answered");
      const fetch = async (request: Request) => {
        if (!harness.isPlacing(request)) return harness.tools.fetch(request);
        throw Object.assign(new TypeError(hidden(harness, order).join(" ")), { code: hidden(harness, order)[0] });
      };
      const error = await failure(channelOf(harness, { fetch }).place(order, never()), "place with a talking fetch");
      assert.equal(error.effect, "unknown");
      assertSilent(textsOf(error), hidden(harness, order), "the error of a talking fetch");
    },
  },
  {
    name: "secrets: no event carries a secret, nor a number outside its reference",
    run: (harness) =>
      withLine(harness, async (line) => {
        const order = line.order("answered", { record: true });
        const hasCdr = (events: { kind: string }[]) => events.some(({ kind }) => kind === "cdr");
        await line.newsOf(order, await line.place(order), hasCdr);
        for (const delivery of line.deliveries) {
          const events = read(line.channel, delivery).map(({ ref: { legs: _, ...ref }, ...event }) => ({
            ...event,
            ref,
          }));
          assertSilent([JSON.stringify(events)], hidden(harness, order), "an event");
          assertSilent([JSON.stringify(delivery.about ?? {})], harness.secrets, "a delivery");
        }
      }),
  },
];
