import { ChannelError, type PhoneNumber } from "../contract.ts";

/** The vendor wants 0086 before everything, service numbers too; abroad is not reached. */
export function dialable(number: PhoneNumber, cause: "region" | "shown-number"): string {
  if (/^\+(?!86)/.test(number.reveal())) throw new ChannelError({ kind: "refused", effect: "none", cause });
  return `0086${number.national()}`;
}
