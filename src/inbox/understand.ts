import type { CallEvent } from "../../channels/contract.ts";
import type { CallContext } from "../calls/context.ts";
import { errorFields } from "../log.ts";
import type { Claimed } from "./queue.ts";

/** A delivery with what its adapter reads in it. */
export interface Understood {
  claimed: Claimed;
  events: CallEvent[];
  /** Why nothing could be read, in our words; null where something was. */
  defect: string | null;
}

/** Accounts whose lines have not been read yet; they cannot be read inside the transaction that needs them. */
export class UnknownAccounts extends Error {
  readonly accountIds: readonly string[];
  constructor(accountIds: readonly string[]) {
    super("accounts whose lines are not read yet");
    this.accountIds = accountIds;
  }
}

/** Has each delivery read by the adapter of its account. What cannot be read is kept with the reason. */
export function understand(ctx: CallContext, all: readonly Claimed[]): Understood[] {
  const accounts = [...new Set(all.map((one) => one.accountId))];
  const unknown = accounts.filter((id) => ctx.directory.lastKnown(id) === undefined);
  if (unknown.length > 0) throw new UnknownAccounts(unknown);
  return all.map((claimed) => {
    const line = ctx.directory.lastKnown(claimed.accountId)?.[0];
    if (claimed.defect !== null) return { claimed, events: [], defect: `stored as defective: ${claimed.defect}` };
    if (line === undefined) return { claimed, events: [], defect: "no line of its account is left" };
    try {
      const delivery = { ...claimed.raw, receivedAt: claimed.received };
      return { claimed, events: ctx.directory.channelOf(line).normalize(delivery), defect: null };
    } catch (error) {
      ctx.log.warn(
        { ...errorFields(error), accountId: claimed.accountId, channel: line.channel },
        "a delivery could not be read",
      );
      return { claimed, events: [], defect: "not of the form that this channel's messages have" };
    }
  });
}
