/**
 * 合力亿捷, as far as it was seen in the code of others: a token that ends at a time of Beijing's, and a dial that is
 * answered by a bare number. It pushes nothing that is known, and nothing can be asked.
 */
import { randomUUID } from "node:crypto";
import { beijingStamp, type Dialect, type Fields, minutesMs, type Written } from "./dialect.ts";

const tokenLifeMs = 120 * minutesMs;
const dialFlag = "106";
/** Its numbers for our codes: a yes, a wrong token, a lacking parameter, a busy agent; of a fault none is known. */
const numbers: Record<string, number> = { 0: 200, 1001: 309, 2001: 301, 3001: 408, 5001: 500 };
const secondsMax = 14_400;

export function hollycrmDialect(): Dialect {
  /** Token → whose it is, and until when. */
  const issued = new Map<string, { account: string; until: number }>();

  return {
    nameOf: ({ pathname, searchParams }) =>
      pathname === "/commonInte" && searchParams.get("flag") === dialFlag ? "place" : null,
    before({ url }, secretOf, now) {
      if (url.pathname !== "/accessToken") return null;
      const { account = "", appid = "", secret } = Object.fromEntries(url.searchParams);
      const known = secretOf(account);
      if (known === undefined || secret !== known || appid === "") return answered({ success: false });
      const [token, until] = [randomUUID(), now + tokenLifeMs];
      issued.set(token, { account, until });
      return answered({ success: true, accessToken: token, invalidTime: spaced(beijingStamp(until)), message: "" });
    },
    admit({ url }, _fields, _secretOf, now) {
      const token = issued.get(url.searchParams.get("accessToken") ?? "");
      const isValid = token !== undefined && token.until > now && token.account === url.searchParams.get("account");
      return isValid ? token.account : null;
    },
    read: ({ url }) => orderOf(Object.fromEntries(url.searchParams)),
    write: ({ code }) => ({ contentType: "text/plain", body: String(numbers[String(code)] ?? code) }),
    push: () => ({ query: "", headers: {}, body: "" }),
  };
}

function answered(said: Fields): Written {
  return { contentType: "application/json", body: JSON.stringify(said) };
}

/** `20190610190710` as `2019-06-10 19:07:10`. */
function spaced(stamp: string): string {
  return stamp.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "$1-$2-$3 $4:$5:$6");
}

/** How long a call may be, and where its news would go, is nothing that a dial says. */
function orderOf({ phonenum, integratedid, ExternalData = "" }: Record<string, string>): Fields {
  const data = /^\w+:(.+)$/.exec(ExternalData)?.[1] ?? "";
  return { from: integratedid, to: phonenum, data, maxSeconds: secondsMax, record: true, callback: "" };
}
