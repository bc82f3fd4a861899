/** Digests over templates: of our requests, and as the proof of a push. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { ChannelError, type RawRequest } from "../contract.ts";
import type { CustomConfig } from "./config.ts";
import { type Node, textAt } from "./document.ts";
import type { Digest, PushAuth } from "./form.ts";
import { fill, namesIn, type ValueOf } from "./template.ts";
import { openTimes } from "./time.ts";

export function compute({ method, text, key, encoding }: Digest, valueFor: ValueOf): string {
  const words = fill(text, valueFor);
  if (method === "base64") return Buffer.from(words).toString("base64");
  const hash = method.startsWith("hmac-")
    ? createHmac(method.slice("hmac-".length), fill(key, valueFor))
    : createHash(method);
  const bytes = hash.update(words).digest();
  if (encoding === "base64") return bytes.toString("base64");
  return encoding === "HEX" ? bytes.toString("hex").toUpperCase() : bytes.toString("hex");
}

/** What a signature can only cover once the request is written. */
export const requestParts = ["body", "sorted", "method", "path"];

/** Names of the signatures that cover the request itself: nothing of what they cover can hold them. */
export function lateSignatures(signatures: Record<string, Digest>): Set<string> {
  const late = new Set<string>();
  for (const [name, { text, key }] of Object.entries(signatures)) {
    const used = [...namesIn(text), ...namesIn(key)];
    if (used.some((one) => requestParts.includes(one) || late.has(one))) late.add(name);
  }
  return late;
}

/** `a=1&b=2` by name, as they are before they are encoded. */
export function sortedFields(fields: Iterable<readonly [string, string]>): string {
  const byName = ([one]: readonly [string, string], [other]: readonly [string, string]) => (one < other ? -1 : 1);
  return [...fields]
    .sort(byName)
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** Throws `unauthorized` where a push does not prove that it comes from the provider. */
export function provePush(config: CustomConfig, request: RawRequest, document: Node, now: Date): void {
  const auth: PushAuth = config.push?.auth ?? "address-token";
  if (auth === "address-token") return;
  const secret = config.pushSecret ?? config.secret ?? "";
  const given = readSource(auth.at, request, document) ?? "";
  if (auth.method === "token") {
    if (!same(given, secret)) throw unproved("token");
    return;
  }
  const { digest, time } = auth;
  const valueFor: ValueOf = (name) => {
    if (name === "secret") return secret;
    if (name === "account") return config.account;
    if (name === "method") return request.method;
    if (name === "body") return new TextDecoder().decode(request.body);
    if (name === "sorted")
      return sortedFields(pushFields(request, document).filter(([field]) => field !== nameOf(auth.at)));
    return readSource(name, request, document);
  };
  const wanted = compute(digest, valueFor);
  const equal = digest.encoding === "base64" ? same(given, wanted) : same(given.toLowerCase(), wanted.toLowerCase());
  if (!equal) throw unproved("signature");
  if (time === undefined) return;
  const at = openTimes(time).read(readSource(time.at, request, document) ?? "");
  if (at === null || Math.abs(now.getTime() - at.getTime()) > time.toleranceSeconds * 1_000) throw unproved("time");
}

/** The query's and a form's; an object's own plain fields. */
function pushFields({ query }: RawRequest, document: Node): [string, string][] {
  const fields = typeof document === "object" && document !== null && !Array.isArray(document) ? document : {};
  const plain = Object.keys(fields).flatMap((name): [string, string][] => {
    const value = fields[name];
    return typeof value === "object" || value === undefined ? [] : [[name, String(value)]];
  });
  return [...new Map([...Object.entries(query), ...plain])];
}

const nameOf = (source: string): string => source.replace(/^(query:|\/)/, "");

/** `header:name`, `query:name`, or the path of a field. */
function readSource(source: string, { headers, query }: RawRequest, document: Node): string | null {
  if (source.startsWith("header:")) return headers[source.slice("header:".length)] ?? null;
  if (source.startsWith("query:")) return query[source.slice("query:".length)] ?? null;
  return textAt(document, source);
}

function same(given: string, wanted: string): boolean {
  const [one, other] = [given, wanted].map((text) => createHash("sha256").update(text).digest());
  return wanted !== "" && one !== undefined && other !== undefined && timingSafeEqual(one, other);
}

function unproved(code: string): ChannelError {
  return new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code });
}
