/** Who may ask: the far side's own reading of the signature rules, apart from the adapter's. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Asked } from "../../kit/far/socket.ts";

const toleranceMs = 5 * 60_000;
/** A nonce is remembered for twice the tolerance, and at most so many of them. */
const noncesMax = 100_000;

export function openDoor(accounts: Map<string, string>, now: () => number) {
  const nonces = new Map<string, number>();

  function isNew(nonce: string): boolean {
    for (const [old, seenAt] of nonces) {
      if (nonces.size < noncesMax && now() - seenAt < 2 * toleranceMs) break;
      nonces.delete(old);
    }
    if (nonces.has(nonce)) return false;
    nonces.set(nonce, now());
    return true;
  }

  /** The account, or null where the request proves nothing. */
  return function admit({ method, target, headers, body }: Asked): string | null {
    const header = (name: string) => String(headers[`x-fake-${name}`] ?? "");
    const account = header("account");
    const secret = accounts.get(account);
    if (secret === undefined || !/^\d{13}$/.test(header("time")) || header("nonce") === "") return null;
    if (Math.abs(now() - Number(header("time"))) > toleranceMs) return null;
    const head = [header("time"), header("nonce"), method, target, ""].join("\n");
    const expected = createHmac("sha256", secret)
      .update(Buffer.concat([Buffer.from(head), body]))
      .digest();
    const given = Buffer.from(header("signature"), "hex");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
    return isNew(`${account} ${header("nonce")}`) ? account : null;
  };
}

/** The headers of a push: no path is signed, since the receiver may stand behind a proxy. */
export function stamped(secret: string, nonce: string, time: number, body: string): Record<string, string> {
  const signature = createHmac("sha256", secret).update(`${time}\n${nonce}\nPOST\n\n${body}`).digest("hex");
  return {
    "content-type": "application/json",
    "x-fake-time": String(time),
    "x-fake-nonce": nonce,
    "x-fake-signature": signature,
  };
}
