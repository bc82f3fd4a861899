/** Who may ask: the far side's own reading of the signature rules, apart from the adapter's. */
import { createHash } from "node:crypto";
import { beijingTime } from "../../kit/far/beijing.ts";
import type { Asked } from "../../kit/far/socket.ts";

/** How far a request's time may be from ours. */
const toleranceMs = 12 * 3_600_000;
const pathForm = /^\/([\d-]+)\/Accounts\/([^/]+)\/([^/]+\/[^/]+)$/;

export interface Account {
  authToken: string;
  /** App id → the address entered on it for notifications. */
  apps: Record<string, string | null>;
}

export type Admitted = { accountSid: string; account: Account; operation: string } | { refusal: string };

function md5(text: string): string {
  return createHash("md5").update(text, "utf8").digest("hex").toUpperCase();
}

export function openDoor(accounts: Map<string, Account>, now: () => number) {
  return {
    /** null where the path is none of the API's. */
    admit({ url, headers }: Asked): Admitted | null {
      const [, version, accountSid = "", operation = ""] = pathForm.exec(url.pathname) ?? [];
      if (version === undefined) return null;
      if (version !== "2016-01-01") return { refusal: "900099" };
      const sig = url.searchParams.get("sig") ?? "";
      if (sig === "") return { refusal: "900100" };
      const header = Buffer.from(String(headers.authorization ?? ""), "base64").toString("latin1");
      const [sid, timestamp, ...rest] = header.split(":");
      if (timestamp === undefined || rest.length > 0) return { refusal: header === "" ? "900101" : "900102" };
      if (sid !== accountSid) return { refusal: "900105" };
      const fault = timeFault(timestamp, now());
      if (fault !== null) return { refusal: fault };
      const account = accounts.get(accountSid);
      if (!account) return { refusal: "900110" };
      if (md5(accountSid + account.authToken + timestamp) !== sig) return { refusal: "900111" };
      return { accountSid, account, operation };
    },
    opensRecording(accountSid: string, auth: string | null): boolean {
      const account = accounts.get(accountSid);
      return account !== undefined && auth === md5(`${accountSid}:${account.authToken}`);
    },
  };
}

function timeFault(timestamp: string, now: number): string | null {
  if (timestamp === "") return "900106";
  if (timestamp.length !== 14) return "900107";
  const ms = beijingTime(timestamp);
  if (Number.isNaN(ms)) return "900108";
  return Math.abs(now - ms) > toleranceMs ? "900109" : null;
}
