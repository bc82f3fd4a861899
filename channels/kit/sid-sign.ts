/** The signature of 容联云通讯 and of all that took it over: account and time, in the query and in a header. */
import { createHash } from "node:crypto";
import { beijing, timeFormat } from "./zone.ts";

/** Of a request; the providers write the times of their messages in the same way. */
export const stamp = timeFormat("yyyyMMddHHmmss", beijing);

/** The query's `sig` and the header `Authorization`, both over the same Beijing time. */
export function signSid(account: { sid: string; token: string }, now: Date): { sig: string; authorization: string } {
  const timestamp = stamp.write(now);
  return {
    sig: createHash("md5")
      .update(account.sid + account.token + timestamp)
      .digest("hex")
      .toUpperCase(),
    authorization: Buffer.from(`${account.sid}:${timestamp}`).toString("base64"),
  };
}
