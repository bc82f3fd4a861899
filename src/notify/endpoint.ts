/** What this process knows of one endpoint: where it is, how it fares, how much at once it is trusted with. */
import { sql } from "drizzle-orm";
import { subscriptions } from "../../db/schema/index.ts";
import { textArray } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import type { Destination } from "./attempt.ts";
import type { Lane } from "./lanes.ts";
import { failuresToOpen, givenUpAfterMs, openFor } from "./retry.ts";
import { openSecrets } from "./secret.ts";
import type { CircuitResult } from "./settle.ts";

/** A new endpoint, and one that has just failed, is not flooded before it has shown that it answers. */
const windowAtFirst = 4;
const writtenWithinMs = 5_000;

export interface Endpoint {
  subscriptionId: string;
  destination: Destination;
  /** When its address and secrets were last changed. */
  stamp: number;
  /** Requests at once: grows with every delivery, is halved by every failure, and is one while the circuit is open. */
  window: number;
  sending: number;
  queue: Lane[];
  failures: number;
  failingSince: Date | null;
  openUntil: Date | null;
  /** When this process last opened it. */
  openedAt: Date | null;
  gone: Date | null;
}

/** Endpoints as they are stored now; a subscription that is gone is left out. */
export async function loadEndpoints(ctx: Context, ids: readonly string[]): Promise<Map<string, Endpoint>> {
  if (ids.length === 0) return new Map();
  const found = await ctx.db.run((q) =>
    q
      .select()
      .from(subscriptions)
      .where(sql`id = any(${textArray(ids)})`),
  );
  return new Map(
    found.map((row) => [
      row.id,
      {
        subscriptionId: row.id,
        destination: {
          url: ctx.seal.open(row.tenant, row.urlSealed),
          secrets: openSecrets(ctx, row.tenant, row.secretsSealed),
        },
        stamp: row.updated.getTime(),
        window: row.openUntil === null ? windowAtFirst : 1,
        sending: 0,
        queue: [],
        failures: row.failures,
        failingSince: row.failingSince,
        openUntil: row.openUntil,
        openedAt: null,
        gone: row.gone,
      },
    ]),
  );
}

/** Takes over what is stored, and keeps what only this process knows. */
export function refresh(endpoint: Endpoint, stored: Endpoint): void {
  endpoint.destination = stored.destination;
  if (endpoint.stamp !== stored.stamp || (endpoint.openUntil !== null) !== (stored.openUntil !== null)) {
    // Another instance, or a person who gave it a new address, knows better.
    const { failures, failingSince, openUntil, gone, window, stamp } = stored;
    Object.assign(endpoint, { failures, failingSince, openUntil, openedAt: null, gone, window, stamp });
  }
}

/** Just opened, and perhaps not yet written down: calls that were taken all the same go back. */
export function freshlyOpened({ openUntil, openedAt }: Endpoint, now: Date): boolean {
  return openUntil !== null && openedAt !== null && now.getTime() - openedAt.getTime() < writtenWithinMs;
}

/** An answer of 2xx. Null where nothing has changed that must be written down. */
export function delivered(endpoint: Endpoint, at: Date, windowMax: number): CircuitResult | null {
  const wasWell = endpoint.failures === 0 && endpoint.openUntil === null && endpoint.gone === null;
  const recovered = endpoint.openUntil !== null;
  endpoint.window = recovered ? windowAtFirst : Math.min(windowMax, endpoint.window + 1);
  Object.assign(endpoint, { failures: 0, failingSince: null, openUntil: null, gone: null });
  return wasWell ? null : resultOf(endpoint, at, recovered);
}

/** Anything else. `sending` still counts the request that it tells of. */
export function failed(
  endpoint: Endpoint,
  at: Date,
  gone: boolean,
  retryAfterMs: number | null,
  chance: number,
): CircuitResult {
  endpoint.gone = gone ? (endpoint.gone ?? at) : null;
  endpoint.failingSince ??= at;
  // Requests that were under way together when it opened have said nothing new.
  if (endpoint.openUntil !== null && endpoint.sending > 1) return resultOf(endpoint, at, false);
  endpoint.failures += 1;
  endpoint.window = Math.max(1, endpoint.window >> 1);
  if (endpoint.failures >= failuresToOpen || retryAfterMs !== null || endpoint.openUntil !== null) {
    endpoint.openUntil = new Date(at.getTime() + openFor(endpoint.failures, chance, retryAfterMs));
    endpoint.openedAt = at;
    endpoint.window = 1;
  }
  return resultOf(endpoint, at, false);
}

function resultOf(endpoint: Endpoint, at: Date, recovered: boolean): CircuitResult {
  const { subscriptionId, failures, failingSince, openUntil, gone } = endpoint;
  const hopeless =
    openUntil !== null && failingSince !== null && at.getTime() - failingSince.getTime() >= givenUpAfterMs;
  return { subscriptionId, failures, failingSince, openUntil, gone, recovered, at, hopeless };
}
