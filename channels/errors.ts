/** The closed list of ways in which a provider can say no, or say nothing. */
export const errorKinds = [
  "refused",
  "limited",
  "unauthorized",
  "unreachable",
  "timeout",
  "garbled",
  "compliance",
] as const;
export type ErrorKind = (typeof errorKinds)[number];

/**
 * What a failed placement may have done: "none" = certainly no phone rang, another line may try;
 * "unknown" = a phone may have rung, so nobody is dialed again until the provider has been asked.
 */
export type Effect = "none" | "unknown";

/** Why, in words that operations and the failover table can act on. `other` keeps the raw code. */
export const errorCauses = [
  "balance",
  "credentials",
  "instance",
  "address",
  "number",
  "agent",
  "shown-number",
  "parameter",
  "concurrency",
  "rate",
  "daily-limit",
  "window",
  "frequency",
  "region",
  "blacklist",
  "server",
  "network",
  "not-found",
  "ended",
  "unsupported",
  "other",
] as const;
export type ErrorCause = (typeof errorCauses)[number];

/**
 * The only error an adapter throws. Its message is built from the closed lists and the provider's code,
 * never from the provider's text, which may hold a number or a secret.
 */
export class ChannelError extends Error {
  override readonly name = "ChannelError";
  readonly kind: ErrorKind;
  readonly effect: Effect;
  override readonly cause: ErrorCause;
  /** The provider's own code, at most 64 characters, or null where it gave none. */
  readonly code: string | null;

  constructor(fault: { kind: ErrorKind; effect: Effect; cause: ErrorCause; code?: string | null }) {
    const code = fault.code == null ? null : String(fault.code).slice(0, 64);
    super(`${fault.kind} (${fault.cause}${code === null ? "" : `, code ${code}`}), effect ${fault.effect}`);
    this.kind = fault.kind;
    this.effect = fault.effect;
    this.cause = fault.cause;
    this.code = code;
  }
}
