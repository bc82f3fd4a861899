import { createHash } from "node:crypto";
import { beijing, timeFormat } from "../kit/zone.ts";

/** Of a request and of every time in a push. Accepted within twelve hours. */
export const stamp = timeFormat("yyyyMMddHHmmss", beijing);

export interface Credentials {
  accountSid: string;
  authToken: string;
}

/** The query's `sig` and the header `Authorization`, both over the same Beijing time. */
export function sign({ accountSid, authToken }: Credentials, now: Date): { sig: string; authorization: string } {
  const timestamp = stamp.write(now);
  return {
    sig: md5(accountSid + authToken + timestamp),
    authorization: Buffer.from(`${accountSid}:${timestamp}`).toString("base64"),
  };
}

/** Opens any recording of the account, for ever: as secret as the token. */
export function recordingAuth({ accountSid, authToken }: Credentials): string {
  return md5(`${accountSid}:${authToken}`);
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("hex").toUpperCase();
}
