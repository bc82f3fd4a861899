/** JSON, signed by HMAC-SHA256 both ways, with a time of five minutes and a nonce that is taken once. */
import { createHmac } from "node:crypto";
import type { Notice } from "./calls.ts";
import { type Dialect, type Fields, minutesMs, withTimes } from "./dialect.ts";

const toleranceMs = 5 * minutesMs;

export function jsonDialect(): Dialect {
  const nonces = new Set<string>();
  return {
    read: ({ body }) => readJson(body),
    admit({ method, url, headers, body }, _fields, secretOf, now) {
      const header = (name: string) => String(headers[name] ?? "");
      const [account, time, nonce] = [header("x-account"), header("x-time"), header("x-nonce")];
      const secret = secretOf(account);
      if (secret === undefined || nonce === "" || nonces.has(nonce)) return null;
      if (!/^\d{13}$/.test(time) || Math.abs(now - Number(time)) > toleranceMs) return null;
      const hmac = createHmac("sha256", secret).update(`${method}\n${url.pathname}\n${time}\n${nonce}\n`).update(body);
      if (hmac.digest("hex") !== header("x-signature")) return null;
      nonces.add(nonce);
      return account;
    },
    write: (fields, call) => ({
      contentType: "application/json",
      body: JSON.stringify({ ...fields, ...(call !== null && { result: nestAll(call) }) }),
    }),
    push(notice, secret, now) {
      const body = JSON.stringify(nest(notice));
      const time = String(Math.floor(now / 1_000));
      const signature = createHmac("sha256", secret).update(`${time}.${body}`).digest("base64");
      const headers = { "content-type": "application/json", "x-time": time, "x-signature": signature };
      return { query: "", headers, body };
    },
  };
}

export function readJson(body: Buffer): Fields | null {
  if (body.length === 0) return {};
  try {
    const fields: unknown = JSON.parse(body.toString());
    return typeof fields === "object" && fields !== null && !Array.isArray(fields) ? { ...fields } : null;
  } catch {
    return null;
  }
}

const nestAll = (call: Notice | readonly Notice[]): unknown => (isList(call) ? call.map(nest) : nest(call));
export const isList = (call: Notice | readonly Notice[]): call is readonly Notice[] => Array.isArray(call);

/** Times of their own stand in an object of their own. */
function nest(notice: Notice): Fields {
  const entries = Object.entries(withTimes(notice, Number));
  const times = entries.filter(([name]) => name.startsWith("at-"));
  const rest = entries.filter(([name]) => !name.startsWith("at-"));
  return { ...Object.fromEntries(rest), ...(times.length > 0 && { times: Object.fromEntries(times) }) };
}
