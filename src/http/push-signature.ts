/** `X-Hualu-Signature: t=<unix>,v1=<hex>` proves a push where the vendor signs nothing and the address names nobody. */
import { createHmac, timingSafeEqual } from "node:crypto";

const headerName = "x-hualu-signature";
const form = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/;
/** Either way, seconds. */
const ageMaxSeconds = 300;

export interface PushSignature {
  signedBy(secret: string, body: Uint8Array): boolean;
}

/** null where there is none, or one that is not of now: no secret has to be tried then. */
export function pushSignature(headers: Record<string, string>, now: Date): PushSignature | null {
  const [, time = "", signature = ""] = form.exec(headers[headerName] ?? "") ?? [];
  if (time === "" || Math.abs(now.getTime() / 1_000 - Number(time)) > ageMaxSeconds) return null;
  const given = Buffer.from(signature, "hex");
  return {
    signedBy(secret, body) {
      return timingSafeEqual(given, createHmac("sha256", secret).update(`${time}.`).update(body).digest());
    },
  };
}
