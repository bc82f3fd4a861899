import type { RawRequest, Reply } from "../../channels/contract.ts";
import { ChannelError } from "../../channels/errors.ts";
import type { CallContext } from "../calls/context.ts";
import { Refusal } from "../domain/refusal.ts";
import type { Accept } from "../inbox/accept.ts";
import type { Line } from "../lines/directory.ts";
import { errorFields } from "../log.ts";
import { createDeadline } from "./deadline.ts";

const deadline = createDeadline(5_000);

export const gotIt = (answer: Reply | "refused" | "deaf"): answer is Reply => typeof answer === "object";

/** The answer of the first of these lines that takes a push; else whether one refused it, or none can take any. */
export async function take(
  calls: CallContext,
  accept: Accept,
  lines: readonly Line[],
  request: RawRequest,
): Promise<Reply | "refused" | "deaf"> {
  const received = calls.clock.now();
  let outcome: "refused" | "deaf" = "deaf";
  // Lines of one account share its credentials, yet each may carry a secret of its own while one is being changed.
  for (const line of lines) {
    const channel = calls.directory.channelOf(line);
    if (channel.webhook === undefined) continue;
    try {
      const addressed = { ...request, notifyUrl: calls.notifyUrl(line) };
      const { deliveries, reply } = await channel.webhook(addressed, deadline());
      const about = { tenant: line.tenant, accountId: line.accountId, channel: line.channel, source: "push" as const };
      await accept.accept(deliveries.map((delivery) => ({ ...about, received, delivery })));
      return reply;
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      outcome = "refused";
      if (error.kind === "unauthorized") continue;
      calls.log.warn({ ...errorFields(error), channel: line.channel }, "a push was not of this channel's form");
      throw new Refusal("malformed", "不是该渠道的消息 · not a message of this channel");
    }
  }
  return outcome;
}
