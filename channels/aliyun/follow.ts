/** Asks about live calls: for their events where the instance keeps them, else for their records. */
import { ChannelError, type Followed, type PlacedCall } from "../contract.ts";
import { refused } from "./codes.ts";
import { cdrKind, noticesKind } from "./map.ts";
import { noticesAnswer, recordAnswer, type Wire } from "./wire.ts";

/** How many calls one question may name; the vendor's limit is not documented. */
export const eventsBatchMax = 10;
/** How many records are asked for at the same time where more than one is wanted at once. */
const recordsAtOnce = 10;

export async function followEvents(
  ask: Wire["ask"],
  calls: readonly PlacedCall[],
  signal: AbortSignal,
): Promise<Followed[]> {
  const followed: Followed[] = [];
  for (let from = 0; from < calls.length; from += eventsBatchMax) {
    followed.push(...(await followBatch(ask, calls.slice(from, from + eventsBatchMax), signal)));
  }
  return followed;
}

/** One question for all. Of a call without a single event nothing can be told. */
async function followBatch(ask: Wire["ask"], calls: readonly PlacedCall[], signal: AbortSignal): Promise<Followed[]> {
  const NotificationKeys = JSON.stringify(calls.map((call) => call.providerCallId));
  const notices = await ask("ListNotificationRecords", { NotificationKeys }, noticesAnswer, signal);
  return calls.map(({ callId, attempt, providerCallId }) => {
    const own = (notices ?? []).filter((one) => one.NotificationKey === providerCallId).map((one) => one.Content);
    if (own.length === 0) return { callId, attempt, error: refused("not-found", "no-events") };
    return { callId, attempt, delivery: { kind: noticesKind, body: bytes(own) } };
  });
}

export async function followRecords(
  ask: Wire["ask"],
  calls: readonly PlacedCall[],
  signal: AbortSignal,
): Promise<Followed[]> {
  const followed: Followed[] = [];
  for (let from = 0; from < calls.length; from += recordsAtOnce) {
    const batch = calls.slice(from, from + recordsAtOnce);
    followed.push(...(await Promise.all(batch.map((call) => followRecord(ask, call, signal)))));
  }
  return followed;
}

async function followRecord(ask: Wire["ask"], call: PlacedCall, signal: AbortSignal): Promise<Followed> {
  const { callId, attempt, providerCallId } = call;
  try {
    const record = await ask("GetCallDetailRecord", { ContactId: providerCallId }, recordAnswer, signal);
    if (record == null || Object.keys(record).length === 0) throw refused("not-found", "no-record");
    return { callId, attempt, delivery: { kind: cdrKind, body: bytes(record) } };
  } catch (error) {
    if (error instanceof ChannelError) return { callId, attempt, error };
    throw error;
  }
}

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
