/** Pure: one delivery in, events out. */

import type { CallEvent, Delivery } from "../contract.ts";
import { type CdrRules, readCdr } from "./cdr.ts";
import { readEvent, readNotices } from "./events.ts";
import { malformed, parseJson } from "./ref.ts";

/** Kinds of deliveries that answer a question rather than being pushed. */
export const cdrKind = "cdr";
export const noticesKind = "notices";

/** In one push; how many the vendor sends at once is not documented. */
const messagesMax = 200;

export function normalize({ kind, body }: Delivery, rules: CdrRules): CallEvent[] {
  const value = parseJson(decode(body));
  if (kind === cdrKind) return readCdr(value, rules);
  if (kind !== noticesKind) return readEvent(value, rules);
  if (!Array.isArray(value) || value.length === 0 || !value.every((one) => typeof one === "string")) throw malformed();
  return readNotices(
    value.map((one) => parseJson(one)),
    rules,
  );
}

/** What was pushed, one delivery for each message; what cannot be read is kept as it came. */
export function split(body: Uint8Array): { kind: string; body: Uint8Array }[] {
  const value = readBody(body);
  const isList = Array.isArray(value) && value.length <= messagesMax && value.every(isMessage);
  if (!isList) return [{ kind: kindOf(value), body }];
  return value.map((one) => ({ kind: kindOf(one), body: new TextEncoder().encode(JSON.stringify(one)) }));
}

/** The instance that a push names; of several messages the first's. */
export function instanceOf(body: Uint8Array): string | null {
  const value = readBody(body);
  return fieldOf(Array.isArray(value) ? value[0] : value, "instanceId");
}

/** Flat, as every message is: what is nested without end could not be written down again. */
function isMessage(value: unknown): boolean {
  const isFlat = (field: unknown) => typeof field !== "object" || field === null;
  return typeof value === "object" && value !== null && Object.values(value).every(isFlat);
}

function readBody(body: Uint8Array): unknown {
  return parseJson(new TextDecoder().decode(body));
}

function kindOf(value: unknown): string {
  const name = fieldOf(value, "eventType") ?? fieldOf(value, "event") ?? "event";
  const isOurs = name === cdrKind || name === noticesKind;
  return /^[A-Za-z0-9]{1,32}$/.test(name) && !isOurs ? name : "event";
}

function fieldOf(value: unknown, name: string): string | null {
  const field: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : null;
  return typeof field === "string" ? field : null;
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw malformed();
  }
}
