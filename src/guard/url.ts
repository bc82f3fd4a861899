import { isLiteral, mayReach, type Network } from "./addresses.ts";

/** Why an address from outside is not asked, before anything is sent. */
export type RefusedFor =
  | "malformed"
  | "scheme"
  | "credentials"
  | "port"
  | "too_long"
  /** It is, or resolves to, an address that is not public. */
  | "not_public"
  /** There is no such name. */
  | "unknown_name";

export const refusalTexts: Readonly<Record<RefusedFor, string>> = {
  malformed: "不是有效的地址 · not a valid address",
  scheme: "只支持 http 和 https · only http and https",
  credentials: "地址中不能带用户名或密码 · no user name or password in the address",
  port: "端口无效 · not a valid port",
  too_long: "地址过长 · too long",
  not_public:
    "不是公网地址，未予访问：请改用公网地址，或由运维用 HUALU_ALLOW_NETWORKS 放行其网段 · not a public address, so it is not " +
    "asked: use a public one, or let the operator list its network in HUALU_ALLOW_NETWORKS",
  unknown_name: "域名不存在 · there is no such host",
};

export interface Target {
  https: boolean;
  /** As it is resolved: lower case, punycode, without brackets or a last dot's meaning. */
  host: string;
  port: number;
  /** Path and query. */
  path: string;
  /** True where the host is an address itself. */
  literal: boolean;
}

export const urlLengthMax = 2_048;
/** What readers of URLs disagree about, and no honest address needs unescaped. */
const ambiguous = /[\p{Cc}\p{Cf}\p{Z}\\]/u;

/**
 * Reads an address from outside. The URL standard has turned octal, hexadecimal, short and full-width forms of an IPv4
 * address into the usual one by the time its host is looked at, and what is looked at here is what is connected to.
 */
export function readTarget(text: string, allowed: readonly Network[]): Target | RefusedFor {
  if (text.length > urlLengthMax) return "too_long";
  if (ambiguous.test(text) || !URL.canParse(text)) return "malformed";
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") return "scheme";
  if (url.username !== "" || url.password !== "" || authorityOf(text).includes("@")) return "credentials";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (host === "" || host.length > 253) return "malformed";
  const https = url.protocol === "https:";
  const port = url.port === "" ? (https ? 443 : 80) : Number(url.port);
  if (!(port >= 1 && port <= 65_535)) return "port";
  const literal = isLiteral(host);
  if (literal ? !mayReach(host, allowed) : !isName(host)) return literal ? "not_public" : "malformed";
  return { https, host, port, path: url.pathname + url.search, literal };
}

/** An empty user before the @ leaves no trace in the parsed form. */
function authorityOf(text: string): string {
  return /^[^:]*:\/*([^/?#]*)/.exec(text)?.[1] ?? "";
}

/** Letters, digits, hyphens, underscores in labels; a name whose last label is a number is an address in disguise. */
function isName(host: string): boolean {
  const labels = host.replace(/\.$/, "").split(".");
  return labels.every((label) => /^[a-z0-9_-]{1,63}$/.test(label)) && !/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "0");
}
