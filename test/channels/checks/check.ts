import assert from "node:assert/strict";
import { type CallOrder, ChannelError, type Placement } from "../../../channels/contract.ts";
import { deadUrl, divertedFetch, type FaultName, startFault } from "../faults.ts";
import type { Ending, Harness } from "../harness.ts";
import { channelOf, patienceMs } from "../line.ts";

/** One promise of the contract. `run` throws where it is broken. */
export interface Check {
  name: string;
  run(harness: Harness): Promise<void>;
}

/** Nothing of an adapter may hang, so nothing of the suite may wait for ever. */
export async function within<T>(promise: Promise<T>, what: string, ms = patienceMs): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `${what} did not end` })), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error with which a promise fails, which has to be a `ChannelError`. */
export async function failure(promise: Promise<unknown>, what: string, ms?: number): Promise<ChannelError> {
  const error = await within(
    promise.then(
      () => null,
      (thrown: unknown) => thrown,
    ),
    what,
    ms,
  );
  assert(error !== null, `${what} succeeded`);
  assert(error instanceof ChannelError, `${what} failed with something other than a ChannelError`);
  return error;
}

export function orderOf(harness: Harness, ending: Ending): CallOrder {
  const order = harness.order(ending, { notifyUrl: "http://127.0.0.1:9/webhook/token", record: false });
  assert(order, `the far side cannot play ${ending}`);
  return order;
}

export interface Mishap {
  error: ChannelError | null;
  placement: Placement | null;
  /** How many placing requests left. */
  sent: number;
}

/** Places a call whose placing request runs into a fault. */
export async function placeInto(
  harness: Harness,
  fault: FaultName | "dead",
  options: { signal?: (first: Promise<void>) => AbortSignal; order?: CallOrder } = {},
): Promise<Mishap> {
  const far = fault === "dead" ? null : await startFault(fault);
  let sent = 0;
  const isPlacing = (request: Request) => {
    const placing = harness.isPlacing(request);
    if (placing) sent += 1;
    return placing;
  };
  const origin = far?.url ?? (await deadUrl());
  const channel = channelOf(harness, { fetch: divertedFetch(harness.tools.fetch, origin, isPlacing) });
  const signal = options.signal?.(far?.first ?? Promise.resolve()) ?? new AbortController().signal;
  try {
    const placing = channel.place(options.order ?? orderOf(harness, "answered"), signal);
    const outcome = placing.then(
      (placement) => ({ placement, error: null }),
      (error: unknown) => {
        assert(error instanceof ChannelError, `place into ${fault} threw something other than a ChannelError`);
        return { placement: null, error };
      },
    );
    return { ...(await within(outcome, `place into ${fault}`, 2_000)), sent };
  } finally {
    await far?.stop();
    await channel.close();
  }
}
