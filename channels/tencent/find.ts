/** A call whose answer was lost: among those in progress by who talks to whom, among the records by our own id. */
import type { CallOrder, Placement } from "../contract.ts";
import { placementOf, readUserData } from "./map.ts";
import { dialable } from "./number.ts";
import { activeAnswer, cdrsAnswer, type Wire } from "./wire.ts";

/** The vendor's most. */
const listedMax = 25;
const listPagesMax = 8;
const recordsMax = 50;
/** How far our clock and the vendor's may be apart before another call is taken for this one. */
const skewMs = 2_000;
const outbound = 1;

/**
 * Sessions in progress carry no user data. Agent, customer and start tell them apart: an agent has one call at a time,
 * and a call is not tried again while an attempt may live. Their absence proves nothing.
 */
export async function findSession(
  wire: Wire,
  order: CallOrder,
  { since, now }: { since: Date; now: Date },
  signal: AbortSignal,
): Promise<Placement | "cannot-tell"> {
  const callee = dialable(order.customer, "region");
  const recorded = await findRecorded(wire, order, { callee, since, now }, signal);
  return recorded ?? (await findActive(wire, { seat: order.agent.seat, callee, since }, signal)) ?? "cannot-tell";
}

async function findRecorded(
  wire: Wire,
  order: CallOrder,
  { callee, since, now }: { callee: string; since: Date; now: Date },
  signal: AbortSignal,
): Promise<Placement | null> {
  const from = Math.floor(since.getTime() / 1_000) - 60;
  const window = { StartTimeStamp: from, EndTimeStamp: Math.floor(now.getTime() / 1_000) + 60 };
  const query = { ...window, PageSize: recordsMax, PageNumber: 0, Phones: [callee] };
  const { TelCdrList } = await wire.ask("DescribeTelCdr", query, cdrsAnswer, signal);
  const found = TelCdrList?.find((cdr) => {
    const ours = readUserData(cdr.UUI) ?? readUserData(cdr.Uui);
    return ours?.callId === order.callId && ours.attempt === order.attempt;
  });
  return found === undefined ? null : placementOf(found.SessionId);
}

async function findActive(
  wire: Wire,
  { seat, callee, since }: { seat: string | null; callee: string; since: Date },
  signal: AbortSignal,
): Promise<Placement | null> {
  const earliest = Math.floor((since.getTime() - skewMs) / 1_000) * 1_000;
  const fitting = new Set<string>();
  for (let page = 0; page < listPagesMax; page += 1) {
    const query = { Offset: page * listedMax, Limit: listedMax };
    const { Total, Sessions } = await wire.ask("DescribePSTNActiveSessionList", query, activeAnswer, signal);
    for (const one of Sessions ?? []) {
      const isBetween = one.Direction === outbound && one.StaffEmail === seat && one.Callee === callee;
      if (isBetween && one.StartTimestamp && one.StartTimestamp.getTime() >= earliest) fitting.add(one.SessionID);
    }
    const isLast = (Sessions?.length ?? 0) < listedMax || (Total != null && (page + 1) * listedMax >= Total);
    if (isLast) break;
  }
  const [only, other] = fitting;
  return only === undefined || other !== undefined ? null : placementOf(only);
}
