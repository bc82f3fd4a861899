/** Who may ask: TC3-HMAC-SHA256 as documented (cloud.tencent.com/document/api/213/30654), by code of its own. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export interface Signed {
  headers: Record<string, string | undefined>;
  body: Buffer;
}

const toleranceSeconds = 300;
const form = new RegExp(
  [
    /^TC3-HMAC-SHA256 Credential=([\w-]+)\/(\d{4}-\d\d-\d\d)\/(\w+)\/tc3_request, ?/,
    /SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$/,
  ]
    .map(({ source }) => source)
    .join(""),
);

const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

interface Scope {
  date: string;
  service: string;
  signedHeaders: string;
}

export function tc3Signature(secretKey: string, { headers, body }: Signed, scope: Scope): string {
  const canonical = [
    "POST",
    "/",
    "",
    ...scope.signedHeaders.split(";").map((name) => `${name}:${canonicalValue(headers, name)}`),
    "",
    scope.signedHeaders,
    sha256(body),
  ].join("\n");
  const { date, service } = scope;
  const timestamp = headers["x-tc-timestamp"] ?? "";
  const text = ["TC3-HMAC-SHA256", timestamp, `${date}/${service}/tc3_request`, sha256(canonical)].join("\n");
  const key = hmac(hmac(hmac(`TC3${secretKey}`, date), service), "tc3_request");
  return hmac(key, text).toString("hex");
}

/** The vendor's clients sign the host without its port. */
function canonicalValue(headers: Signed["headers"], name: string): string {
  const value = (headers[name] ?? "").trim().toLowerCase();
  return name === "host" ? value.replace(/:\d+$/, "") : value;
}

/** null for whoever may come in, else the vendor's code for why not. No nonce is documented: none is looked at. */
export function openDoor(keys: Map<string, string>, now: () => number) {
  return function refuse(signed: Signed): string | null {
    const found = form.exec(signed.headers.authorization ?? "");
    if (!found) return "AuthFailure.InvalidAuthorization";
    const [, secretId = "", date = "", service = "", signedHeaders = "", given = ""] = found;
    const names = signedHeaders.split(";");
    if (!names.includes("content-type") || !names.includes("host")) return "AuthFailure.SignatureFailure";
    const secretKey = keys.get(secretId);
    if (secretKey === undefined) return "AuthFailure.SecretIdNotFound";
    const seconds = Number(signed.headers["x-tc-timestamp"] ?? "");
    if (!Number.isInteger(seconds) || Math.abs(now() / 1_000 - seconds) > toleranceSeconds) {
      return "AuthFailure.SignatureExpire";
    }
    if (date !== new Date(seconds * 1_000).toISOString().slice(0, 10)) return "AuthFailure.SignatureFailure";
    const right = tc3Signature(secretKey, signed, { date, service, signedHeaders });
    return timingSafeEqual(Buffer.from(right), Buffer.from(given)) ? null : "AuthFailure.SignatureFailure";
  };
}
