/** XML with a bearer token, and a token of its own in a header of every push. */
import { parseXml, XmlElement } from "@rgrove/parse-xml";
import type { Notice } from "./calls.ts";
import { type Dialect, type Fields, withTimes } from "./dialect.ts";
import { isList } from "./json.ts";

export const xmlDialect: Dialect = {
  read({ body }) {
    if (body.length === 0) return {};
    try {
      const { root } = parseXml(body.toString());
      if (root?.name !== "request") return null;
      const elements = root.children.filter((child) => child instanceof XmlElement);
      return Object.fromEntries(elements.map(({ name, text }) => [name, text]));
    } catch {
      return null;
    }
  },
  admit({ url, headers }, _fields, secretOf) {
    const account = url.searchParams.get("account") ?? "";
    const secret = secretOf(account);
    return secret !== undefined && headers.authorization === `Bearer ${secret}` ? account : null;
  },
  write(fields, call) {
    const calls = call === null ? [] : isList(call) ? call : [call];
    const body = `<response>${elementsOf(fields)}${calls.map((one) => callXml(one)).join("")}</response>`;
    return { contentType: "application/xml", body };
  },
  push: (notice, secret) => ({
    query: "",
    headers: { "content-type": "application/xml", "x-push-token": secret },
    body: `<?xml version="1.0" encoding="utf-8"?><notify>${callXml(notice)}</notify>`,
  }),
};

function callXml(notice: Notice): string {
  const { id, ...rest } = withTimes(notice, (ms) => new Date(ms).toISOString());
  return `<call id="${escaped(id)}">${elementsOf(rest)}</call>`;
}

function elementsOf(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `<${name}>${escaped(value)}</${name}>`)
    .join("");
}

function escaped(value: unknown): string {
  const text = String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return text.replaceAll('"', "&quot;");
}
