/** Requests are signed by the vendor's own signer; a push proves itself by Basic or by a token that we gave. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import Signer from "tencentcloud-sdk-nodejs/tencentcloud/common/sign";

export interface Unsigned {
  url: string;
  body: Buffer;
  contentType: string;
  service: string;
  timestamp: number;
}

/** TC3-HMAC-SHA256. Bytes are signed as they are, text would be serialized once more. */
export function authorization(key: { secretId: string; secretKey: string }, request: Unsigned): string {
  const { url, body: payload, contentType, service, timestamp } = request;
  const fixed = { method: "POST", multipart: false, boundary: "", headers: { "Content-Type": contentType } };
  return Signer.sign3({ ...fixed, ...key, url, payload, service, timestamp });
}

export interface PushKey {
  user: string;
  secret: string;
}

export function isBasic(header: string | undefined, { user, secret }: PushKey): boolean {
  return same(header ?? "", `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`);
}

/** How long a token for pushes holds, seconds. */
export const tokenSeconds = 7_200;

/** Nothing is kept: a token says until when it holds, and proves it, to every instance and after every restart. */
export function newToken(key: PushKey, now: Date): string {
  const until = String(Math.floor(now.getTime() / 1_000) + tokenSeconds);
  return `${until}.${proof(key, until)}`;
}

export function isToken(header: string | undefined, key: PushKey, now: Date): boolean {
  const [, until, given] = /^Bearer (\d{10,11})\.([\w-]{43})$/i.exec(header ?? "") ?? [];
  if (until === undefined || given === undefined) return false;
  return same(given, proof(key, until)) && Number(until) * 1_000 > now.getTime();
}

/** Whether a request for a token comes from the client of the console: by header or form (RFC 6749, 2.3.1). */
export function isClient(header: string | undefined, body: Uint8Array, key: PushKey): boolean {
  if (isBasic(header, key)) return true;
  const text = new TextDecoder().decode(body);
  const form = fieldsOf(text);
  return same(form.client_id ?? "", key.user) && same(form.client_secret ?? "", key.secret);
}

function fieldsOf(text: string): Record<string, string> {
  try {
    const value: unknown = JSON.parse(text);
    const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
    return Object.fromEntries(entries.map(([name, field]) => [name, String(field)]));
  } catch {
    return Object.fromEntries(new URLSearchParams(text));
  }
}

function proof({ user, secret }: PushKey, until: string): string {
  return createHmac("sha256", secret).update(`push token\n${user}\n${until}`).digest("base64url");
}

/** In the same time, however much of it fits. */
function same(one: string, other: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(one), hash(other));
}
