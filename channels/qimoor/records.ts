/** The list of ended calls, in which one call is looked for. */
import { ChannelError, type Followed, type PlacedCall, type RawDelivery } from "../contract.ts";
import type { QimoorConfig } from "./config.ts";
import { jobOf, readActionId } from "./identity.ts";
import { type Fields, fieldsOf } from "./map.ts";
import { type CdrRecord, type Wire, wallTime } from "./wire.ts";

/** A record's first time may be before we sent, by our clocks, and after it, by the exchange's leisure. */
const earlierMaxMs = 3_000;
const laterMaxMs = 60_000;
const windowBeforeMs = 60_000;

export interface Wanted {
  actionId: string;
  /** null where only an ActionID can name the call. */
  job: string | null;
  sentAt: Date;
}

/** The record of one call; null where there is none (yet). */
export async function findRecord(
  wire: Wire,
  config: QimoorConfig,
  { actionId, job, sentAt }: Wanted,
  signal: AbortSignal,
): Promise<CdrRecord | null> {
  const begin = new Date(sentAt.getTime() - windowBeforeMs);
  const end = new Date(sentAt.getTime() + config.cdrWindowMinutes * 60_000);
  const records = await wire.records(begin, end, signal);
  const read = records.map((record) => ({ record, fields: fieldsOf(Object.entries(record)) }));
  const named = read.find(({ fields }) => fields.get("actionid") === actionId);
  if (named || job === null) return named?.record ?? null;
  const fitting = read.filter(({ fields }) => readActionId(fields.get("actionid")) === null && hasJob(fields));
  // The list may hold the same two people's calls of a minute ago: only what began as this one was sent is this one.
  const near = fitting.flatMap(({ record, fields }) => {
    const offered = wallTime.read(fields.get("offeringtime") ?? "");
    const afterMs = offered === null ? Number.NaN : offered.getTime() - sentAt.getTime();
    return afterMs >= -earlierMaxMs && afterMs <= laterMaxMs ? [{ record, distance: Math.abs(afterMs) }] : [];
  });
  return near.toSorted((one, other) => one.distance - other.distance)[0]?.record ?? null;

  function hasJob(fields: Fields): boolean {
    const agents = [fields.get("disposalagent"), fields.get("callno")];
    const customer = fields.get("calledno") ?? "";
    const isOutbound = /^dialout$/i.test(fields.get("connecttype") ?? "");
    return isOutbound && agents.some((agent) => agent && jobOf(agent, customer, config.apiSecret) === job);
  }
}

export async function followOne(
  wire: Wire,
  config: QimoorConfig,
  call: PlacedCall,
  signal: AbortSignal,
): Promise<Followed> {
  const { callId, attempt, providerCallId, providerJobId, sentAt } = call;
  try {
    const known = isOurs(call);
    const wanted = { actionId: providerCallId, job: providerJobId, sentAt };
    const record = known ? await findRecord(wire, config, wanted, signal) : null;
    if (record === null) {
      throw new ChannelError({ kind: "refused", effect: "none", cause: "not-found", code: "no-record" });
    }
    const body = new TextEncoder().encode(JSON.stringify(record));
    // The record itself need not say whose it is.
    const about = { actionId: providerCallId };
    return { callId, attempt, delivery: { kind: "record", body, about } satisfies RawDelivery };
  } catch (error) {
    if (error instanceof ChannelError) return { callId, attempt, error };
    throw error;
  }
}

/** By agent alone another call of theirs would be met: the id has to be this call's. */
export function isOurs({ callId, attempt, providerCallId }: PlacedCall): boolean {
  const named = readActionId(providerCallId);
  return named !== null && named.callId === callId && named.attempt === attempt;
}
