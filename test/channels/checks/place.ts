import assert from "node:assert/strict";
import { channelOf, never } from "../line.ts";
import { type Check, failure, orderOf, placeInto } from "./check.ts";

const placesAtOnce = 50;

export const placeChecks: Check[] = [
  {
    name: "place: an explicit yes gives the provider's id",
    async run(harness) {
      const placed = await channelOf(harness).place(orderOf(harness, "answered"), never());
      assert(placed.providerCallId !== "");
    },
  },
  {
    name: "place: a refusal has no effect",
    async run(harness) {
      const order = orderOf(harness, "refused");
      const error = await failure(channelOf(harness).place(order, never()), "a refused place");
      assert.equal(error.kind, "refused");
      assert.equal(error.effect, "none");
      assert.deepEqual(harness.ringsOf(order.customer), { a: 0, b: 0 });
    },
  },
  {
    name: "place: wrong credentials are told as such",
    async run(harness) {
      const channel = channelOf(harness, {}, harness.wrongConfig);
      const error = await failure(channel.place(orderOf(harness, "answered"), never()), "place with a wrong secret");
      assert.equal(error.kind, "unauthorized");
      assert.equal(error.effect, "none");
      assert.equal(error.cause, "credentials");
    },
  },
  {
    name: "place: a refused connection has no effect",
    async run(harness) {
      const { error } = await placeInto(harness, "dead");
      assert.equal(error?.kind, "unreachable");
      assert.equal(error?.effect, "none");
      assert.equal(error?.cause, "network");
    },
  },
  {
    name: "place: a timeout leaves the effect unknown, and nothing is sent twice",
    async run(harness) {
      const { error, sent } = await placeInto(harness, "mute", { signal: () => AbortSignal.timeout(150) });
      assert.equal(error?.kind, "timeout");
      assert.equal(error?.effect, "unknown");
      assert.equal(sent, 1);
    },
  },
  {
    name: "place: a reset, nonsense or half an answer leave the effect unknown, and nothing is sent twice",
    async run(harness) {
      const names = ["reset", "closed", "garbage", "cutShort", "notGzip", "tooLarge", "redirect", "echo"] as const;
      await Promise.all(
        names.map(async (name) => {
          const { error, sent } = await placeInto(harness, name);
          assert(error, `${name} was taken for a yes`);
          assert.equal(error.effect, "unknown", name);
          assert(error.kind === "unreachable" || error.kind === "garbled", name);
          assert.equal(sent, 1, name);
        }),
      );
    },
  },
  {
    name: "place: a 5xx means what the provider documents, and a gateway's means nothing",
    async run(harness) {
      const order = orderOf(harness, "server-error");
      const error = await failure(channelOf(harness).place(order, never()), "place into a 5xx");
      assert.equal(error.effect, harness.serverErrorEffect);
      assert.equal(error.cause, "server");
      if (error.effect === "none") assert.deepEqual(harness.ringsOf(order.customer), { a: 0, b: 0 });
      const gateway = await placeInto(harness, "badGateway");
      assert.equal(gateway.error?.effect, "unknown");
      assert.equal(gateway.sent, 1);
    },
  },
  {
    name: "place: an abort ends it, effect unknown once the request has left",
    async run(harness) {
      for (const fault of ["mute", "stuckBody"] as const) {
        const signal = (first: Promise<void>) => {
          const controller = new AbortController();
          void first.then(() => controller.abort());
          return controller.signal;
        };
        const { error, sent } = await placeInto(harness, fault, { signal });
        assert.equal(error?.kind, "timeout");
        assert.equal(error?.effect, "unknown");
        assert.equal(sent, 1);
      }
    },
  },
  {
    name: "place: a signal that has already fired sends nothing",
    async run(harness) {
      const { error, sent } = await placeInto(harness, "mute", { signal: () => AbortSignal.abort() });
      assert.equal(error?.kind, "timeout");
      assert.equal(sent, 0);
    },
  },
  {
    name: `place: ${placesAtOnce} at once get ${placesAtOnce} ids`,
    async run(harness) {
      const channel = channelOf(harness);
      const orders = Array.from({ length: placesAtOnce }, () => orderOf(harness, "answered"));
      const placed = await Promise.all(
        orders.map((order) =>
          channel.place(order, never()).catch((error: unknown) => assert.fail(`one of many was not placed: ${error}`)),
        ),
      );
      assert.equal(new Set(placed.map((one) => one.providerCallId)).size, placesAtOnce);
    },
  },
];
