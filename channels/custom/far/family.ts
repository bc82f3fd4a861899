/** As several Chinese platforms do it: an MD5 in the address, account and time in a header, pushes without proof. */
import { createHash } from "node:crypto";
import { beijingStamp, beijingTime, type Dialect, minutesMs, withTimes } from "./dialect.ts";
import { isList, readJson } from "./json.ts";

const toleranceMs = 12 * 60 * minutesMs;

export const familyDialect: Dialect = {
  read: ({ body }) => readJson(body),
  admit({ url, headers }, _fields, secretOf, now) {
    const [account = "", time = "", ...rest] = Buffer.from(String(headers.authorization ?? ""), "base64")
      .toString("latin1")
      .split(":");
    const secret = secretOf(account);
    if (secret === undefined || rest.length > 0) return null;
    if (!(Math.abs(now - beijingTime(time)) <= toleranceMs)) return null;
    const sig = createHash("md5")
      .update(account + secret + time)
      .digest("hex")
      .toUpperCase();
    return url.searchParams.get("sig") === sig ? account : null;
  },
  write(fields, call) {
    const written = call === null ? [] : (isList(call) ? call : [call]).map((one) => withTimes(one, beijingStamp));
    const result = call === null ? {} : { result: isList(call) ? written : written[0] };
    return { contentType: "application/json", body: JSON.stringify({ ...fields, ...result }) };
  },
  push: (notice) => ({
    query: "",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(withTimes(notice, beijingStamp)),
  }),
};
