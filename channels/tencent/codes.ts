/**
 * What the error codes mean: cloud.tencent.com/document/api/679/47722 and each action's own page. An error is not
 * always a no: where the text leaves open how far the call came, the effect is unknown.
 */
import { ChannelError, type Effect, type ErrorCause, type ErrorKind } from "../contract.ts";

interface Meaning {
  kind?: ErrorKind;
  cause: ErrorCause;
  effect?: Effect;
}

const rate = { kind: "limited", cause: "rate" } as const;
const credentials = { kind: "unauthorized", cause: "credentials" } as const;
const instance = { cause: "instance" } as const;
const number = { cause: "number" } as const;
/** The provider's own fault, or a failure that it does not explain. */
const unexplained = { cause: "server", effect: "unknown" } as const;

/** The whole code first, then what stands before its dot. */
const meanings: Record<string, Meaning> = {
  "FailedOperation.CallOutFailed": unexplained,
  "FailedOperation.CalleeIsBlackUser": { kind: "compliance", cause: "blacklist" },
  // "The callee's outbound calls are limited": by which rule is not said.
  "FailedOperation.CalleeIsLimited": { kind: "compliance", cause: "other" },
  // About the shown number, not about the customer: another line may call.
  "FailedOperation.CallerOverFrequency": { kind: "limited", cause: "shown-number" },
  "FailedOperation.CalloutRuleBlindArea": { kind: "compliance", cause: "region" },
  "FailedOperation.CalloutRuleMaxCallCountCalleeIntervalTime": { kind: "compliance", cause: "frequency" },
  "FailedOperation.CalloutRuleMaxCallCountCalleePerDayAppID": { kind: "compliance", cause: "frequency" },
  "FailedOperation.CalloutRuleNotWorkTime": { kind: "compliance", cause: "window" },
  "FailedOperation.NoCallOutNumber": { cause: "shown-number" },
  "FailedOperation.PermissionDenied": instance,
  "FailedOperation.SeatStatusBusy": { cause: "agent" },
  "FailedOperation.SessionNotExists": { cause: "not-found" },
  "FailedOperation.SessionNotInControlState": { cause: "ended" },
  "InvalidParameter.IllegalPhoneNumber": number,
  "InvalidParameter.InstanceNotExist": instance,
  "InvalidParameter.InvalidPhoneNumber": number,
  "InvalidParameterValue.AccountNotExist": { cause: "agent" },
  "InvalidParameterValue.InstanceNotExist": instance,
  "InvalidParameterValue.PhoneNumInvalid": number,
  "InvalidParameterValue.RecordNotExist": { cause: "not-found" },
  "LimitExceeded.BasePackageExpired": { cause: "balance" },
  "LimitExceeded.InsufficientLicense": { cause: "balance" },
  "OperationDenied.NotInWhiteList": instance,
  "OperationDenied.UinDisabled": instance,
  AuthFailure: credentials,
  InternalError: unexplained,
  InvalidAction: { cause: "unsupported" },
  InvalidParameter: { cause: "parameter" },
  InvalidParameterValue: { cause: "parameter" },
  IpInBlacklist: credentials,
  IpNotInWhitelist: credentials,
  LimitExceeded: { kind: "limited", cause: "other" },
  MissingParameter: { cause: "parameter" },
  NoSuchVersion: { cause: "unsupported" },
  OperationDenied: instance,
  RequestLimitExceeded: rate,
  // "Probably refused" proves nothing.
  ResourceUnavailable: unexplained,
  UnauthorizedOperation: credentials,
  UnknownParameter: { cause: "parameter" },
  UnsupportedOperation: { cause: "unsupported" },
};

/** Of a code that nobody knows not even the effect is known. */
const unheardOf: Meaning = { cause: "other", effect: "unknown" };

export function refusalOf(code: string): ChannelError {
  const family = code.split(".")[0] ?? "";
  const { kind = "refused", cause, effect = "none" } = meaningOf(code) ?? meaningOf(family) ?? unheardOf;
  return new ChannelError({ kind, cause, effect, code });
}

function meaningOf(code: string): Meaning | undefined {
  return Object.hasOwn(meanings, code) ? meanings[code] : undefined;
}

export function garbled(code: string): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
}

export function notFound(code: string): ChannelError {
  return new ChannelError({ kind: "refused", effect: "none", cause: "not-found", code });
}
