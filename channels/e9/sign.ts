import { createHash } from "node:crypto";
import { signSid } from "../kit/sid-sign.ts";

export { stamp } from "../kit/sid-sign.ts";

export interface Credentials {
  accountSid: string;
  authToken: string;
}

/** The query's `sig` and the header `Authorization`; accepted within twelve hours. */
export function sign({ accountSid, authToken }: Credentials, now: Date): { sig: string; authorization: string } {
  return signSid({ sid: accountSid, token: authToken }, now);
}

/** Opens any recording of the account, for ever: as secret as the token. */
export function recordingAuth({ accountSid, authToken }: Credentials): string {
  return createHash("md5").update(`${accountSid}:${authToken}`).digest("hex").toUpperCase();
}
