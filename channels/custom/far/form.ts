/** Form fields, signed by an MD5 over all of them in order and a key; pushes have time and signature in the address. */
import { createHash } from "node:crypto";
import { beijingStamp, beijingTime, type Dialect, minutesMs, withTimes } from "./dialect.ts";
import { isList } from "./json.ts";

const toleranceMs = 10 * minutesMs;

export const formDialect: Dialect = {
  read: ({ url, body }) => ({
    ...Object.fromEntries(url.searchParams),
    ...Object.fromEntries(new URLSearchParams(body.toString())),
  }),
  admit(_asked, fields, secretOf, now) {
    const { sign, account = "", ts = "" } = fields;
    const secret = secretOf(String(account));
    if (secret === undefined || !(Math.abs(now - beijingTime(String(ts))) <= toleranceMs)) return null;
    const rest = Object.entries(fields).filter(([name]) => name !== "sign");
    return md5(rest, secret) === sign ? String(account) : null;
  },
  write(fields, call) {
    const notice = call === null ? {} : isList(call) ? (call[0] ?? {}) : call;
    const pairs = { ...fields, ...withTimes(notice, beijingStamp) };
    const written = Object.entries(pairs).map(([name, value]): [string, string] => [name, String(value)]);
    return { contentType: "application/x-www-form-urlencoded", body: new URLSearchParams(written).toString() };
  },
  push(notice, secret, now) {
    const ts = beijingStamp(now);
    const fields = Object.entries(withTimes(notice, beijingStamp));
    const body = new URLSearchParams(fields.map(([name, value]): [string, string] => [name, String(value)]));
    const query = `?ts=${ts}&sign=${md5([...fields, ["ts", ts]], secret)}`;
    return { query, headers: { "content-type": "application/x-www-form-urlencoded" }, body: body.toString() };
  },
};

function md5(fields: readonly (readonly [string, unknown])[], secret: string): string {
  const sorted = fields.map(([name, value]) => `${name}=${value}`).sort();
  return createHash("md5")
    .update(`${sorted.join("&")}&key=${secret}`)
    .digest("hex")
    .toUpperCase();
}
