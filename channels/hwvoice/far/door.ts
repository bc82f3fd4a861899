/** Who may ask: the far side's own reading of the headers, apart from the adapter's. */
import { createHash, createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export interface DoorOptions {
  apps: Map<string, string>;
  now: () => number;
  /** How far a request's clock is ahead of UTC; the vendor's pages say 0 and 8. */
  clockHours: number;
}

const toleranceMs = 15 * 60_000;
const createdForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

export function openDoor({ apps, now, clockHours }: DoorOptions) {
  return {
    admit(headers: IncomingHttpHeaders): { appKey: string } | { refusal: string } {
      const authorization = String(headers.authorization ?? "");
      if (authorization === "") return { refusal: "1023006" };
      const scheme = /^(AKSK|WSSE) /.exec(authorization)?.[1];
      if (scheme === undefined || !authorization.includes('realm="SDP"')) return { refusal: "1023009" };
      if (!authorization.includes('profile="UsernameToken"')) return { refusal: "1023010" };
      if (!authorization.includes('type="Appkey"')) return { refusal: "1023011" };
      const token = headers[scheme === "AKSK" ? "x-aksk" : "x-wsse"];
      if (typeof token !== "string" || !token.startsWith("UsernameToken ")) return { refusal: "1023033" };
      const field = (name: string) => new RegExp(`[ ,]${name}="([^"]*)"`).exec(token)?.[1];
      const [appKey, nonce, created] = [field("Username"), field("Nonce"), field("Created")];
      if (appKey === undefined) return { refusal: "1023034" };
      if (nonce === undefined || !/^[0-9A-Za-z]{1,128}$/.test(nonce)) return { refusal: "1023035" };
      if (created === undefined || !createdForm.test(created)) return { refusal: "1023036" };
      const secret = apps.get(appKey);
      if (secret === undefined) return { refusal: "1010003" };
      const digest =
        scheme === "AKSK"
          ? createHmac("sha256", secret).update(`${nonce}${created}`).digest("base64")
          : createHash("sha256").update(`${nonce}${created}${secret}`).digest("base64");
      if (field("PasswordDigest") !== digest) return { refusal: "1023006" };
      const behindMs = now() + clockHours * 3_600_000 - Date.parse(created);
      return Math.abs(behindMs) > toleranceMs ? { refusal: "1010013" } : { appKey };
    },
  };
}
