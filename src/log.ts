import pino from "pino";

/** What a log line may carry beside its message; anything else does not compile. */
export interface LogFields {
  tenant?: string;
  callId?: string;
  attempt?: number;
  lineId?: number;
  accountId?: string;
  channel?: string;
  requestId?: string;
  method?: string;
  /** The route's pattern, never the address asked for. */
  route?: string;
  status?: number;
  ms?: number;
  count?: number;
  code?: string;
  cause?: string;
  kind?: string;
  /** An error's name and our own message; foreign messages never get here. */
  error?: string;
  stack?: string;
  address?: string;
  port?: number;
}

export interface Log {
  trace(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** Anything that reads like a phone number or one of our secrets, wherever in a finished line it stands. */
const numberLike = /(?<![0-9A-Za-z_.-])(?:\+?86)?(?:1[3-9]\d{9}|0\d{9,11})(?!\d)/g;
const secretLike = /\b(?:(?:hk|wh|tk)_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/]{20,}={0,2})/g;

/** Takes out of a text what must never leave: the last net under the allow-list above. */
export function scrub(text: string): string {
  // Secrets first: a number found inside one would hide what is left of it.
  return text.replace(secretLike, "***").replace(numberLike, "***");
}

/** One line of JSON per happening. `write` is where lines go: standard output, or a test's list. */
export function createLog(level: string, write: (line: string) => void): Log {
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: scrub } },
    { write },
  );
  return {
    trace: (fields, message) => logger.trace(fields, message),
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  };
}

/** What a log may say of an error: its name, our own words, and where in our code it arose. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: "not an error" };
  const ours = ["Refusal", "ChannelError", "DatabaseError", "ConfigError"].includes(error.name);
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return { error: ours ? `${error.name}: ${error.message}` : error.name, stack: frames.slice(0, 6).join("\n") };
}
