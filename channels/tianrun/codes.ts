/** What a no means. Numbers are CTI-Cloud's; clink publishes no list, so there the HTTP status decides. */
import { ChannelError, type Effect, type ErrorCause, type ErrorKind } from "../contract.ts";

interface Meaning {
  kind?: ErrorKind;
  cause: ErrorCause;
  effect?: Effect;
}

const agent: Meaning = { cause: "agent" };
const app: Meaning = { cause: "instance" };

const meanings: Record<string, Meaning> = {
  // "System error": the provider itself does not say that nothing was done.
  "10001": { kind: "garbled", cause: "server", effect: "unknown" },
  "10002": { kind: "limited", cause: "rate" },
  "10003": { kind: "unauthorized", cause: "credentials" },
  "10004": app,
  "20000": { cause: "parameter" },
  "20011": agent,
  "20012": agent,
  "20013": app,
  "20015": app,
  "20016": app,
  "20017": agent,
  "20024": app,
  "20031": { kind: "compliance", cause: "number" },
  "20032": { cause: "shown-number" },
  "20051": { kind: "compliance", cause: "frequency" },
  "20052": { kind: "compliance", cause: "blacklist" },
  "20053": { kind: "compliance", cause: "window" },
  "20054": app,
  "20055": { kind: "limited", cause: "concurrency" },
  "20056": agent,
  "20101": { kind: "compliance", cause: "window" },
  "20102": { cause: "number" },
  "20103": agent,
};

export function refusalOf(code: string): ChannelError {
  const meaning = Object.hasOwn(meanings, code) ? meanings[code] : undefined;
  return new ChannelError({ kind: "refused", effect: "none", ...(meaning ?? { cause: "other" }), code });
}

/** An answer of clink's own form with an error; a 5xx leaves open what was done. */
export function clinkError(status: number, code: string | null): ChannelError {
  const told = code ?? `http-${status}`;
  if (status === 401 || status === 403) {
    return new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code: told });
  }
  if (status === 404) return new ChannelError({ kind: "refused", effect: "none", cause: "unsupported", code: told });
  if (status === 429) return new ChannelError({ kind: "limited", effect: "none", cause: "rate", code: told });
  if (status >= 400 && status < 500) return refusalOf(told);
  return garbled(told);
}

export function notFound(code: string): ChannelError {
  return new ChannelError({ kind: "refused", effect: "none", cause: "not-found", code });
}

export function garbled(code: string): ChannelError {
  return new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
}
