export type GuardErrorKind =
  /** Not sent, and never will be: `code` is the reason. */
  | "refused"
  | "unresolved"
  | "unreachable"
  | "tls"
  | "timeout"
  | "reset"
  | "garbled"
  /** The caller gave up. */
  | "aborted";

/** Why nothing came back. Holds no address, no header and no foreign text. */
export class GuardError extends Error {
  override readonly name = "GuardError";
  readonly kind: GuardErrorKind;
  readonly code: string | null;

  constructor(kind: GuardErrorKind, code: string | null = null) {
    super(code === null ? kind : `${kind}: ${code}`);
    this.kind = kind;
    this.code = code;
  }
}

const unreachable = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL", "ETIMEDOUT", "EACCES"]);

/** What node's client threw, in our words. */
export function explain(error: unknown): GuardError {
  if (error instanceof GuardError) return error;
  const raw = error instanceof Error && "code" in error ? String(error.code) : "";
  const code = /^\w{1,64}$/.test(raw) ? raw : null;
  if (code === null) return new GuardError("unreachable");
  if (unreachable.has(code)) return new GuardError("unreachable", code);
  if (code === "ECONNRESET" || code === "EPIPE" || code === "ConnectionClosed") return new GuardError("reset", code);
  if (/CERT|TLS|SSL|SIGNED|VERIFY|EPROTO|ALTNAME/i.test(code)) return new GuardError("tls", code);
  if (/^HPE_|Malformed|Invalid/.test(code)) return new GuardError("garbled", code);
  return new GuardError("unreachable", code);
}
