/** Who may ask: the far side's own reading of the signature rules, apart from the adapter's. */
import { createHash } from "node:crypto";
import { beijingTime } from "../../kit/far/beijing.ts";
import type { Asked } from "../../kit/far/socket.ts";

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
    admit({ method, url, headers }: Asked): { account: string; operation: string | null } | null {
      const [, path, account = ""] = pathForm.exec(url.pathname) ?? [];
      if (path === undefined || method !== "POST") return null;
      const header = Buffer.from(String(headers.authorization ?? ""), "base64").toString("latin1");
      const [named, timestamp = "", ...rest] = header.split(":");
      const secret = accounts.get(account)?.secret;
      const isProven =
        named === account &&
        rest.length === 0 &&
        secret !== undefined &&
        Math.abs(now() - beijingTime(timestamp)) <= toleranceMs &&
        /json/.test(headers["content-type"] ?? "") &&
        createHash("md5").update(`${account}${secret}${timestamp}`).digest("hex").toUpperCase() ===
          url.searchParams.get("sig");
      return { account, operation: isProven ? path : null };
    },
  };
}
