/**
 * What the platform's codes mean. Only what it checks before it dials is a definite no; a code that no table has leaves
 * open what was done. Codes 1123xx and 160xxx are of text messages, 100xxx and 101xxx of another company's platform.
 */
import { ChannelError, type Effect, type ErrorCause, type ErrorKind } from "../contract.ts";

type Refusal = { kind: ErrorKind; cause: ErrorCause; effect?: Effect };

const credentials: Refusal = { kind: "unauthorized", cause: "credentials" };
const account: Refusal = { kind: "refused", cause: "instance" };
const balance: Refusal = { kind: "refused", cause: "balance" };
const parameter: Refusal = { kind: "refused", cause: "parameter" };
const rate: Refusal = { kind: "limited", cause: "rate" };
/** Faults of the platform's own: it does not say that nothing was dialed. */
const fault: Refusal = { kind: "garbled", cause: "server", effect: "unknown" };

/** First to last code of each meaning. */
const refusals: readonly (readonly [number, number, Refusal])[] = [
  [108035, 108035, { kind: "compliance", cause: "blacklist" }],
  [110007, 110007, balance],
  [110018, 110018, credentials],
  [110020, 110020, fault],
  // An app that is not released may place three calls a minute.
  [110059, 110059, rate],
  [110061, 110061, fault],
  [110064, 110064, fault],
  [110080, 110080, fault],
  [110094, 110094, fault],
  [110126, 110126, fault],
  [110127, 110127, parameter],
  [110129, 110129, balance],
  [111000, 111099, fault],
  [111100, 111109, credentials],
  [111110, 111110, { kind: "refused", cause: "unsupported" }],
  [111111, 111111, { kind: "limited", cause: "concurrency" }],
  [111113, 111113, credentials],
  // Our address is not on the account's list.
  [111115, 111115, credentials],
  [111128, 111133, credentials],
  [111138, 111141, account],
  [111142, 111142, balance],
  [111143, 111143, credentials],
  [111169, 111182, account],
  [111212, 111212, account],
  [121001, 121003, balance],
];

/** Of a call that has ended or never was, a cancel is answered by these: there is no better word. */
const callControl = new Set(["110080", "110126"]);

export function refusal(code: string): ChannelError {
  const number = Number(code);
  const [, , known] = refusals.find(([first, last]) => first <= number && number <= last) ?? [];
  const unknown: Refusal = { kind: "refused", cause: "other", effect: "unknown" };
  return new ChannelError({ effect: "none", ...(known ?? unknown), code });
}

export function cancelRefusal(code: string): ChannelError {
  if (!callControl.has(code)) return refusal(code);
  return new ChannelError({ kind: "refused", effect: "none", cause: "not-found", code });
}
