/** Who may ask: the far side's own reading of both flavors' signatures, apart from the adapter's. */
import { createHash, createHmac } from "node:crypto";

export interface DoorOptions {
  /** Access key id → secret. */
  keys: Map<string, string>;
  /** Enterprise id → token. */
  enterprises: Map<string, string>;
  now: () => number;
}

const expiresMax = 86_400;
const cticloudToleranceMs = 30 * 60_000;

/** URLEncoder of Java, byte by byte: letters, digits and `.-*_` stay, a space is a plus, all else is hexadecimal. */
function javaEncoded(text: string): string {
  let written = "";
  for (const byte of Buffer.from(text)) {
    const mark = String.fromCharCode(byte);
    if (/[A-Za-z0-9.*_-]/.test(mark)) written += mark;
    else written += mark === " " ? "+" : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return written;
}

/** What is signed; the host as it was asked for. */
export function stringToSign(method: string, host: string, path: string, params: Map<string, string>): string {
  const pairs = [...params]
    .filter(([name]) => name !== "Signature")
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${javaEncoded(name)}=${javaEncoded(value)}`);
  return `${method}${host}${path}?${pairs.join("&")}`;
}

export function openDoor({ keys, enterprises, now }: DoorOptions) {
  return {
    /** The account, or the code of the refusal. */
    clink(
      method: string,
      host: string,
      path: string,
      query: URLSearchParams,
    ): { account: string } | { refusal: string } {
      const params = new Map(query);
      const [id, signature, expires] = [
        params.get("AccessKeyId"),
        params.get("Signature"),
        Number(params.get("Expires")),
      ];
      const secret = id === undefined ? undefined : keys.get(id);
      if (id === undefined || secret === undefined) return { refusal: "InvalidAccessKeyId" };
      const wanted = createHmac("sha1", secret)
        .update(stringToSign(method, host, path, params))
        .digest("base64");
      if (signature !== wanted) return { refusal: "SignatureDoesNotMatch" };
      const stamp = params.get("Timestamp") ?? "";
      if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(stamp) || !(expires > 0 && expires <= expiresMax)) {
        return { refusal: "InvalidTimestamp" };
      }
      return Math.abs(now() - Date.parse(stamp)) > expires * 1_000 ? { refusal: "RequestExpired" } : { account: id };
    },
    /** The enterprise, or null. */
    cticloud(form: URLSearchParams): string | null {
      const id = form.get("validateType") === "2" ? form.get("enterpriseId") : form.get("departmentId");
      const [timestamp, token] = [form.get("timestamp") ?? "", id === null ? undefined : enterprises.get(id)];
      if (id === null || token === undefined || !/^\d{10}$/.test(timestamp)) return null;
      if (createHash("md5").update(`${id}${timestamp}${token}`).digest("hex") !== form.get("sign")) return null;
      return Math.abs(now() - Number(timestamp) * 1_000) > cticloudToleranceMs ? null : id;
    },
  };
}
