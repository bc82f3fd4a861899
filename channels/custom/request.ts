/** One request written out: templates filled, each value escaped for where it stands. Pure. */
import type { CustomConfig } from "./config.ts";
import type { RequestForm } from "./form.ts";
import { compute, lateSignatures, sortedFields } from "./sign.ts";
import { escapeXml, fill, fillField, fillJson, namesIn, type ValueOf } from "./template.ts";

export interface WrittenRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body?: string;
}

const contentTypes = {
  json: "application/json; charset=utf-8",
  form: "application/x-www-form-urlencoded",
  xml: "application/xml; charset=utf-8",
};

export function writeRequest(config: CustomConfig, form: RequestForm, given: ValueOf): WrittenRequest {
  const late = lateSignatures(config.signatures);
  const signed = new Map<string, string>();
  const valueFor: ValueOf = (name) => signed.get(name) ?? given(name);
  for (const [name, digest] of Object.entries(config.signatures)) {
    if (!late.has(name)) signed.set(name, compute(digest, valueFor));
  }
  const isLate = (text: string): boolean => namesIn(text).some((name) => late.has(name));
  const fillAll = (fields: Record<string, string>, which: (text: string) => boolean): [string, string][] =>
    Object.entries(fields).flatMap(([name, text]): [string, string][] => {
      const value = which(text) ? fillField(text, valueFor) : null;
      return value === null ? [] : [[name, String(value)]];
    });

  const path = fill(form.path, valueFor, encodeURIComponent);
  const wanted = { ...config.query, ...form.query };
  const formFields = form.body?.format === "form" ? form.body.fields : {};
  const early = {
    query: fillAll(wanted, (text) => !isLate(text)),
    body: fillAll(formFields, (text) => !isLate(text)),
  };
  const whole = bodyOf(form, valueFor, early.body);
  const parts: Record<string, string> = {
    method: form.method,
    path: new URL(config.baseUrl.replace(/\/+$/, "") + path).pathname,
    body: whole ?? "",
    sorted: sortedFields([...early.query, ...early.body]),
  };
  const withParts: ValueOf = (name) => parts[name] ?? valueFor(name);
  for (const [name, digest] of Object.entries(config.signatures)) {
    if (late.has(name)) signed.set(name, compute(digest, withParts));
  }
  const query = [...early.query, ...fillAll(wanted, isLate)];
  const body = form.body?.format === "form" ? encode([...early.body, ...fillAll(formFields, isLate)]) : whole;
  const headers = Object.fromEntries(
    fillAll({ ...config.headers, ...form.headers }, () => true).map(([name, text]) => [name.toLowerCase(), text]),
  );
  return {
    method: form.method,
    url: config.baseUrl.replace(/\/+$/, "") + path + (query.length === 0 ? "" : `?${encode(query)}`),
    headers: { ...(form.body && { "content-type": contentTypes[form.body.format] }), ...headers },
    ...(body !== undefined && { body }),
  };
}

function bodyOf({ body }: RequestForm, valueFor: ValueOf, fields: [string, string][]): string | undefined {
  if (body === undefined) return undefined;
  if (body.format === "json") return JSON.stringify(fillJson(body.value, valueFor));
  return body.format === "form" ? encode(fields) : fill(body.text, valueFor, escapeXml);
}

/** Spaces as %20: some providers read a plus as itself. */
function encode(fields: readonly (readonly [string, string])[]): string {
  return fields.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
}
