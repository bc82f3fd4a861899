/** Who may ask: ACS3-HMAC-SHA256 verified as the vendor documents it, with code of its own. */
import { createHash, createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Asked } from "../../kit/far/socket.ts";

export interface DoorOptions {
  /** AccessKey id → secret and the instances that it may use. */
  accounts: Map<string, { secret: string; instances: readonly string[] }>;
  now: () => number;
}

export type Admitted =
  | { action: string; query: Record<string, string>; instances: readonly string[] }
  | { refusal: string; status: number };

const toleranceMs = 15 * 60_000;
const demanded = ["x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"];
const authorizationForm = /^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/;

export function openDoor({ accounts, now }: DoorOptions) {
  const nonces = new Map<string, number>();

  /** True for the first request that brings this nonce. */
  function isNew(nonce: string): boolean {
    for (const [old, at] of nonces) {
      if (now() - at <= 2 * toleranceMs) break;
      nonces.delete(old);
    }
    if (nonces.has(nonce)) return false;
    nonces.set(nonce, now());
    return true;
  }

  return {
    admit({ method, url, headers: given, body }: Asked): Admitted {
      const headers = textHeaders(given);
      const [, keyId = "", signedNames = "", signature] = authorizationForm.exec(headers.authorization ?? "") ?? [];
      const account = accounts.get(keyId);
      if (signature === undefined) return { refusal: "IncompleteSignature", status: 400 };
      if (account === undefined) return { refusal: "InvalidAccessKeyId.NotFound", status: 404 };
      const names = signedNames.split(";");
      const expected = signatureOf(method, url, names, headers, account.secret);
      const isWhole =
        headers["x-acs-content-sha256"] === sha256(body) && [...demanded, "host"].every((name) => names.includes(name));
      if (!isWhole || signature !== expected) return { refusal: "SignatureDoesNotMatch", status: 400 };
      const date = headers["x-acs-date"] ?? "";
      const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(date) ? Date.parse(date) : Number.NaN;
      if (!(Math.abs(now() - ms) <= toleranceMs)) return { refusal: "InvalidTimeStamp.Expired", status: 400 };
      if (!isNew(`${keyId} ${headers["x-acs-signature-nonce"]}`)) return { refusal: "SignatureNonceUsed", status: 400 };
      if (headers["x-acs-version"] !== "2020-07-01") return { refusal: "InvalidVersion", status: 400 };
      const query = Object.fromEntries(url.searchParams);
      return { action: headers["x-acs-action"] ?? "", query, instances: account.instances };
    },
  };
}

export function signatureOf(
  method: string,
  url: URL,
  signedNames: readonly string[],
  headers: Record<string, string>,
  secret: string,
): string {
  const pairs = [...url.searchParams].map(([name, value]) => [escaped(name), escaped(value)] as const);
  const query = pairs
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const listed = signedNames.map((name) => `${name}:${(headers[name] ?? "").trim()}\n`).join("");
  const payload = headers["x-acs-content-sha256"] ?? "";
  const canonical = [method, url.pathname, query, listed, signedNames.join(";"), payload].join("\n");
  return createHmac("sha256", secret)
    .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
    .digest("hex");
}

/** RFC 3986: all but letters, digits and `-_.~`. */
function escaped(text: string): string {
  const bytes = [...Buffer.from(text)];
  const one = (byte: number) => String.fromCharCode(byte);
  return bytes
    .map((byte) => (/[\w.~-]/.test(one(byte)) ? one(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`))
    .join("");
}

function sha256(of: string | Buffer): string {
  return createHash("sha256").update(of).digest("hex");
}

function textHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : (value ?? "")]),
  );
}
