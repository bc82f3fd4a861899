/**
 * What the result codes mean: support.huaweicloud.com/devg-VoiceCall, rtc_04_0030. 0 alone is a yes; any other code is
 * the platform's own no, but for those that name a fault of its own.
 */
import { ChannelError, type Effect, type ErrorCause, type ErrorKind } from "../contract.ts";

export type Operation = "click2Call" | "callStop" | "record";

interface Meaning {
  kind?: ErrorKind;
  cause: ErrorCause;
  effect?: Effect;
}

const credentials: Meaning = { kind: "unauthorized", cause: "credentials" };
const internal: Meaning = { kind: "garbled", cause: "server", effect: "unknown" };
const app: Meaning = { cause: "instance" };
const rate: Meaning = { kind: "limited", cause: "rate" };
const full: Meaning = { kind: "limited", cause: "concurrency" };
const shownNumber: Meaning = { cause: "shown-number" };
const parameter: Meaning = { cause: "parameter" };

const meanings: Record<string, Meaning> = {
  "1010001": internal,
  "1010002": parameter,
  "1010003": credentials,
  "1010004": credentials,
  "1010006": { cause: "unsupported" },
  "1010007": app,
  "1010008": app,
  // "No more APIs": the application's share of requests is used up.
  "1010009": { kind: "limited", cause: "daily-limit" },
  "1010010": rate,
  "1010011": app,
  "1010013": credentials,
  "1010021": app,
  "1010023": shownNumber,
  "1010024": { cause: "agent" },
  // The account is in arrears.
  "1010029": { cause: "balance" },
  "1010040": app,
  "1011006": rate,
  "1012001": shownNumber,
  "1012006": shownNumber,
  // How many calls an account, an application, a number may have.
  "1013001": full,
  "1013002": full,
  "1013003": full,
  "1016001": { cause: "not-found" },
  "1020001": parameter,
  "1020002": internal,
  "1020003": parameter,
  "1020150": credentials,
  "1020165": full,
  // Our address is not on the application's white list.
  "1020166": { kind: "unauthorized", cause: "instance" },
};

export const clockRefused = "1010013";

/** 1023xxx: the headers of a request do not prove who sends it. */
const isHeaderFault = (code: string): boolean => /^1023\d{3}$/.test(code);

export function refusalOf(operation: Operation, code: string): ChannelError {
  const known = Object.hasOwn(meanings, code) ? meanings[code] : undefined;
  const meaning = known ?? (isHeaderFault(code) ? credentials : unlisted[operation]);
  return new ChannelError({ kind: "refused", effect: "none", ...meaning, code });
}

/** "Where the call is over already, a failure is answered": with which code is not said. */
const unlisted: Record<Operation, Meaning> = {
  click2Call: { cause: "other" },
  callStop: { cause: "not-found" },
  record: { cause: "not-found" },
};

export function garbled(code: string): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
}
