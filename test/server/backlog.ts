/** Deliveries as the fake channel pushes them, made in bulk and put straight into the callback log. */
import type { CallContext } from "../../src/calls/context.ts";
import { type Arrival, createAccept } from "../../src/inbox/accept.ts";
import type { Line } from "../../src/lines/directory.ts";

export interface Pushed {
  callRef?: string | undefined;
  callId: string;
  body: Record<string, unknown>;
}

export function arrival(line: Line, body: unknown, received: Date): Arrival {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return {
    tenant: line.tenant,
    accountId: line.accountId,
    channel: line.channel,
    source: "push",
    received,
    delivery: { kind: "event", body: new TextEncoder().encode(text) },
  };
}

/** Stores them as a webhook would, without anybody draining. */
export async function storeAll(ctx: CallContext, arrivals: readonly Arrival[]): Promise<void> {
  const accept = createAccept(ctx, () => {});
  for (let from = 0; from < arrivals.length; from += 10_000) await accept.accept(arrivals.slice(from, from + 10_000));
  await accept.stop();
}
