import { createHmac, timingSafeEqual } from "node:crypto";

export const toleranceMs = 5 * 60_000;

/** What is signed. A push is signed with an empty path, since proxies rewrite ours. */
export interface Signed {
  time: string;
  nonce: string;
  method: string;
  path: string;
  body: Uint8Array;
}

/** HMAC-SHA256, hex, over time, nonce, method and path, each closed by a line feed, and the raw body. */
export function sign(secret: string, signed: Signed): string {
  const hmac = createHmac("sha256", secret);
  hmac.update(`${signed.time}\n${signed.nonce}\n${signed.method}\n${signed.path}\n`);
  return hmac.update(signed.body).digest("hex");
}

/** True for a right signature whose time lies within the tolerance of ours. */
export function verify(secret: string, signed: Signed, signature: string, now: Date): boolean {
  if (!/^\d{13}$/.test(signed.time) || signed.nonce === "") return false;
  if (Math.abs(now.getTime() - Number(signed.time)) > toleranceMs) return false;
  const expected = Buffer.from(sign(secret, signed));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
