/** The two flavors' signatures. Facts: ti-net/clink-sdk (AccessKeyAuth, HmacSHA1Signer); CTI-Cloud interface v10. */
import { createHash, createHmac } from "node:crypto";
import { timeFormat } from "../kit/zone.ts";

const clock = timeFormat("yyyy-MM-ddTHH:mm:ssZ", "UTC");
/** The longest that is allowed is a day; the SDK's own figure. */
const expiresSeconds = 600;

/** As Java's URLEncoder does: a space is `+`, `*` stays, `~!'()` do not. */
function encoded(text: string): string {
  return encodeURIComponent(text)
    .replace(/%20/g, "+")
    .replace(/[!'()~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

export interface ClinkRequest {
  method: "GET" | "POST";
  host: string;
  /** With the slash before it, without one behind it. */
  path: string;
  /** Of a GET all parameters; a POST's travel in its body, unsigned. */
  params: Record<string, string>;
}

export function canonical({ method, host, path, params }: ClinkRequest): string {
  return `${method}${host}${path}?${queryOf(params)}`;
}

function queryOf(params: Record<string, string>): string {
  return Object.keys(params)
    .sort()
    .map((name) => `${encoded(name)}=${encoded(params[name] ?? "")}`)
    .join("&");
}

export function hmac(secret: string, text: string): string {
  return createHmac("sha1", secret).update(text).digest("base64");
}

/** The query to send, signature last. */
export function signedQuery(key: { id: string; secret: string }, request: ClinkRequest, now: Date): string {
  const stamp = { AccessKeyId: key.id, Expires: String(expiresSeconds), Timestamp: clock.write(now) };
  const whole = { ...request, params: { ...request.params, ...stamp } };
  return `${queryOf(whole.params)}&Signature=${encoded(hmac(key.secret, canonical(whole)))}`;
}

/** `sign` of interface v10; the time is of epoch seconds and holds for half an hour. */
export function cticloudSign(id: string, timestamp: string, token: string): string {
  return createHash("md5")
    .update(id + timestamp + token)
    .digest("hex");
}
