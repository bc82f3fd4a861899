/** Who may ask: the far side's own reading of the signature rules, apart from the adapter's. */
import { createHash } from "node:crypto";
import { beijingTime } from "../../kit/far/beijing.ts";
import type { Asked } from "../../kit/far/socket.ts";

/** A request's time is good for a day. */
const toleranceMs = 24 * 3_600_000;
const pathForm = /^\/([\d-]+)\/(SubAccounts|Accounts)\/([^/]+)\/([^/]+(?:\/[^/]+)*)$/;

export interface Account {
  level: "SubAccounts" | "Accounts";
  token: string;
  appId: string;
  /** The address entered on the app for server callbacks. */
  callbackUrl?: string;
  /** As the account probe writes it. */
  balance?: string;
}

export type Admitted = { sid: string; account: Account; operation: string } | { refusal: string };

export function openDoor(accounts: Map<string, Account>, now: () => number) {
  return {
    /** null where the path is none of the API's. */
    admit({ url, headers }: Asked): Admitted | null {
      const [, version, level, sid = "", operation = ""] = pathForm.exec(url.pathname) ?? [];
      if (version === undefined) return null;
      if (version !== "2013-12-26") return { refusal: "111110" };
      if (!/^[0-9a-zA-Z]+$/.test(sid)) return { refusal: "111100" };
      const header = Buffer.from(String(headers.authorization ?? ""), "base64").toString("latin1");
      if (header === "") return { refusal: "111101" };
      const [named, timestamp, ...rest] = header.split(":");
      if (timestamp === undefined || rest.length > 0) return { refusal: "111102" };
      if (named !== sid) return { refusal: "111107" };
      const fault = timeFault(timestamp, now());
      if (fault !== null) return { refusal: fault };
      const sig = url.searchParams.get("sig") ?? "";
      if (sig === "") return { refusal: "111108" };
      const account = accounts.get(sid);
      if (!account || account.level !== level) return { refusal: "111141" };
      const right = createHash("md5").update(`${sid}${account.token}${timestamp}`).digest("hex").toUpperCase();
      return sig === right ? { sid, account, operation } : { refusal: "111109" };
    },
  };
}

function timeFault(timestamp: string, now: number): string | null {
  const ms = beijingTime(timestamp);
  if (Number.isNaN(ms)) return "111113";
  return Math.abs(now - ms) > toleranceMs ? "111106" : null;
}
