/** What becomes of live calls: the session while it lives, its record once it is over. */
import { ChannelError, type Followed, type PlacedCall, type RawDelivery } from "../contract.ts";
import { notFound } from "./codes.ts";
import { cdrDelivery, storable } from "./feed.ts";
import { plainId, writeUserData } from "./map.ts";
import { cdrsAnswer, sessionAnswer, type Wire } from "./wire.ts";

/** How many are asked for at the same time where more than one is wanted at once; the vendor allows 20 a second. */
const atOnce = 10;
/** How far our clock and the vendor's may be apart. */
const skewSeconds = 300;

/** As the vendor spelled it; an id that is not ours to spell goes as it is. */
export function spelledId({ providerCallId, providerJobId }: PlacedCall): string {
  return providerJobId !== null && plainId(providerJobId) === providerCallId ? providerJobId : providerCallId;
}

export async function followAll(
  wire: Wire,
  now: () => Date,
  calls: readonly PlacedCall[],
  signal: AbortSignal,
): Promise<Followed[]> {
  const followed: Followed[] = [];
  for (let from = 0; from < calls.length; from += atOnce) {
    const some = calls.slice(from, from + atOnce);
    followed.push(...(await Promise.all(some.map((call) => followOne(wire, now, call, signal)))));
  }
  return followed;
}

async function followOne(wire: Wire, now: () => Date, call: PlacedCall, signal: AbortSignal): Promise<Followed> {
  const { callId, attempt } = call;
  try {
    const session = await sessionOf(wire, call, signal);
    if (session !== null && session.status !== "finished") return { callId, attempt, delivery: session.delivery };
    // Whether a session that is over is still answered is not documented: either way its record says more.
    const delivery = (await recordOf(wire, now(), call, signal)) ?? session?.delivery;
    if (delivery === undefined) throw notFound("FailedOperation.SessionNotExists");
    return { callId, attempt, delivery };
  } catch (error) {
    if (error instanceof ChannelError) return { callId, attempt, error };
    throw error;
  }
}

/** null where the provider does not know it any more, or yet. */
async function sessionOf(wire: Wire, call: PlacedCall, signal: AbortSignal) {
  try {
    const { Session } = await wire.ask("DescribeTelSession", { SessionId: spelledId(call) }, sessionAnswer, signal);
    // The answer does not repeat the user data.
    const about = { session: call.providerCallId, call: writeUserData(call.callId, call.attempt) };
    const body = new TextEncoder().encode(JSON.stringify(Session));
    return { status: Session.SessionStatus, delivery: { kind: "session", body, about } satisfies RawDelivery };
  } catch (error) {
    if (error instanceof ChannelError && error.cause === "not-found") return null;
    throw error;
  }
}

async function recordOf(wire: Wire, now: Date, call: PlacedCall, signal: AbortSignal): Promise<RawDelivery | null> {
  const window = {
    StartTimeStamp: Math.floor(call.sentAt.getTime() / 1_000) - skewSeconds,
    EndTimeStamp: Math.floor(now.getTime() / 1_000) + skewSeconds,
  };
  const query = { ...window, PageSize: 1, PageNumber: 0, SessionIds: [spelledId(call)] };
  const { TelCdrList } = await wire.ask("DescribeTelCdr", query, cdrsAnswer, signal);
  const cdr = TelCdrList?.find((one) => plainId(one.SessionId) === call.providerCallId);
  return cdr === undefined ? null : cdrDelivery(storable(cdr));
}
