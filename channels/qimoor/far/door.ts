/** Who may ask: the far side's own reading of the signature rules, apart from the adapter's. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** A request older than this is refused. */
const toleranceMs = 5 * 60_000;
const pathForm =
  /^\/(v20160818\/call\/(?:dialout|hangup)|v20160818\/webCall\/webCall|v20170704\/cdr\/getCCCdr)\/(\w+)$/;

export interface Account {
  secret: string;
  /** Where events are pushed. */
  notifyUrl: string | null;
}

export function openDoor(accounts: Map<string, Account>, now: () => number) {
  return {
    /** null where the path is none of the API's; `operation` null for whoever proved nothing. */
    admit(request: IncomingMessage, url: URL): { account: string; operation: string | null } | null {
      const [, path, account = ""] = pathForm.exec(url.pathname) ?? [];
      if (path === undefined || request.method !== "POST") return null;
      const header = Buffer.from(String(request.headers.authorization ?? ""), "base64").toString("latin1");
      const [named, timestamp = "", ...rest] = header.split(":");
      const secret = accounts.get(account)?.secret;
      const isProven =
        named === account &&
        rest.length === 0 &&
        secret !== undefined &&
        isFresh(timestamp, now()) &&
        /json/.test(request.headers["content-type"] ?? "") &&
        createHash("md5").update(`${account}${secret}${timestamp}`).digest("hex").toUpperCase() ===
          url.searchParams.get("sig");
      return { account, operation: isProven ? path : null };
    },
  };
}

function isFresh(timestamp: string, now: number): boolean {
  const form = timestamp.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "$1-$2-$3T$4:$5:$6+08:00");
  return form !== timestamp && Math.abs(now - Date.parse(form)) <= toleranceMs;
}
