/** Signatures both ways: of our requests, and of the pushes of accounts that sign them. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { beijing, timeFormat } from "../kit/zone.ts";
import type { HwvoiceConfig } from "./config.ts";

const pattern = "yyyy-MM-ddTHH:mm:ssZ";
/** Written with a Z whatever the zone is: that is the vendor's form. */
const clocks = { utc: timeFormat(pattern, "UTC"), "utc+8": timeFormat(pattern, beijing) } as const;
export type Clock = keyof typeof clocks;

/** Six repetitions, an hour apart, and one hour more: no page says that a repeated push is signed anew. */
export const pushAgeMaxMs = 7 * 3_600_000;
const pushAheadMaxMs = 5 * 60_000;

type Signing = Pick<HwvoiceConfig, "appKey" | "appSecret" | "auth">;

export function signed(config: Signing, clock: Clock, now: Date, nonce: string): Record<string, string> {
  const created = clocks[clock].write(now);
  const isWsse = config.auth === "wsse";
  const digest = isWsse ? wsseDigest(config.appSecret, nonce, created) : digestOf(config.appSecret, nonce + created);
  const token = [
    `UsernameToken Username="${config.appKey}"`,
    `PasswordDigest="${digest}"`,
    `Nonce="${nonce}"`,
    `Created="${created}"`,
  ].join(", ");
  return {
    authorization: `${isWsse ? "WSSE" : "AKSK"} realm="SDP",profile="UsernameToken",type="Appkey"`,
    [isWsse ? "x-wsse" : "x-aksk"]: token,
  };
}

export function digestOf(secret: string, message: string): string {
  return createHmac("sha256", secret).update(message).digest("base64");
}

/** Of the raw hash, as most of the vendor's samples do. */
export function wsseDigest(secret: string, nonce: string, created: string): string {
  return createHash("sha256")
    .update(nonce + created + secret)
    .digest("base64");
}

/** What a push signs; its body is not part of it. The page of 2022 joins the three, that of 2026 gives each a line. */
export function pushMessage(version: "aksk-v1" | "aksk-v2", address: string, nonce: string, created: string): string {
  return [address, nonce, created].join(version === "aksk-v1" ? "" : "\n");
}

export interface PushProof {
  appKey: string;
  appSecret: string;
  version: "aksk-v1" | "aksk-v2";
  header: string;
  /** As the provider was given it. */
  address: string;
  now: Date;
}

export function verifyPush({ appKey, appSecret, version, header, address, now }: PushProof): boolean {
  const field = (name: string) => new RegExp(`\\b${name}="([^"]{1,256})"`).exec(header)?.[1] ?? "";
  const [nonce, created] = [field("Nonce"), field("Created")];
  // The page of 2026 writes Beijing's time; that of 2022 names no zone.
  const at = clocks[version === "aksk-v2" ? "utc+8" : "utc"].read(created);
  if (at === null || nonce === "" || field("Username") !== appKey) return false;
  const ageMs = now.getTime() - at.getTime();
  if (ageMs > pushAgeMaxMs || ageMs < -pushAheadMaxMs) return false;
  const wanted = Buffer.from(digestOf(appSecret, pushMessage(version, address, nonce, created)));
  const given = Buffer.from(field("PasswordDigest"));
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}
