/**
 * What the codes mean. The call's own page lists none, so these are the tables of the instance's other actions and of
 * the gateway before them: help.aliyun.com, "API CCC 2020-07-01", and error-center.aliyun.com/status/product/CCC.
 */
import { ChannelError, type Effect, type ErrorCause, type ErrorKind } from "../contract.ts";

interface Meaning {
  kind?: ErrorKind;
  cause: ErrorCause;
  effect?: Effect;
}

/** By the code, or its beginning up to a dot: the longest that is known counts. */
const meanings: Record<string, Meaning> = {
  SignatureDoesNotMatch: { kind: "unauthorized", cause: "credentials" },
  IncompleteSignature: { kind: "unauthorized", cause: "credentials" },
  SignatureNonceUsed: { kind: "unauthorized", cause: "credentials" },
  InvalidTimeStamp: { kind: "unauthorized", cause: "credentials" },
  InvalidAccessKeyId: { kind: "unauthorized", cause: "credentials" },
  InvalidSecurityToken: { kind: "unauthorized", cause: "credentials" },
  Forbidden: { kind: "unauthorized", cause: "credentials" },
  NoPermission: { kind: "unauthorized", cause: "credentials" },
  Permission: { kind: "unauthorized", cause: "credentials" },
  // "Rejected before execution", says the gateway.
  Throttling: { kind: "limited", cause: "rate" },
  UserBusy: { cause: "agent" },
  Parameter: { cause: "parameter" },
  MissingParameter: { cause: "parameter" },
  InvalidParameter: { cause: "parameter" },
  InUse: { cause: "instance" },
  AlreadyExists: { cause: "parameter" },
  LimitExceed: { kind: "limited", cause: "other" },
  NotExists: { cause: "other" },
  "NotExists.InstanceId": { cause: "instance" },
  "NotExists.Number": { cause: "shown-number" },
  "NotExists.UserId": { cause: "agent" },
  "NotExists.Extension": { cause: "agent" },
  "NotExists.JobId": { cause: "not-found" },
  "NotExists.ContactId": { cause: "not-found" },
  "NotExists.ChannelId": { cause: "not-found" },
  // Of these nobody says that nothing was done.
  InternalService: { cause: "server", effect: "unknown" },
  InternalError: { cause: "server", effect: "unknown" },
  ServiceUnavailable: { cause: "server", effect: "unknown" },
};

export const codeForm = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;

/** `status` is the HTTP status that goes with the code: the answer's own, or the one that its body tells. */
export function refusalOf(code: string, status: number): ChannelError {
  const words = code.split(".");
  const names = words.map((_, index) => words.slice(0, words.length - index).join("."));
  const known = names.find((name) => Object.hasOwn(meanings, name));
  const meaning = known === undefined ? null : meanings[known];
  if (meaning) return new ChannelError({ kind: "refused", effect: "none", ...meaning, code });
  // A code that nobody knows is a no where its status says that the request was at fault.
  if (status >= 400 && status < 500) return new ChannelError({ kind: "refused", effect: "none", cause: "other", code });
  return new ChannelError({ kind: "refused", effect: "unknown", cause: "other", code });
}

export function garbled(code: string): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
}

export function refused(cause: ErrorCause, code?: string): ChannelError {
  return new ChannelError({ kind: "refused", effect: "none", cause, ...(code !== undefined && { code }) });
}
