/** What the far side accepts, read by its own rules: the code with which it refuses a request, or null. */
import { type Fields, fieldsOf, readFields } from "../../kit/far/body.ts";
import type { CallbackRequest } from "../wire.ts";

const caller = /^(1\d{10}|0\d{10,11})$/;
const called = /^(1\d{10}|0\d{9,11}|400\d{7}|9\d{4,10})$/;
const userDataBytesMax = 128;
const callSecondsMax = 8 * 3_600;

/** A body `{ [name]: { … } }`; null for anything else. */
export function readBody(body: Buffer, name: string): Fields | null {
  return fieldsOf(readFields(body)?.[name]);
}

/** The order, or the code with which it is refused. */
export function readCallback(fields: Fields): CallbackRequest | string {
  const { appId, from, to, fromSerNum, toSerNum, needRecord = 0, userData = "", maxCallTime = callSecondsMax } = fields;
  if (typeof appId !== "string" || appId === "") return "900112";
  if (typeof from !== "string" || from === "") return "900200";
  if (!caller.test(from)) return "900201";
  if (typeof to !== "string" || to === "") return "900202";
  if (!called.test(to)) return "900203";
  if (!isList(fromSerNum) || !isList(toSerNum)) return "900098";
  if (fromSerNum?.includes(from)) return "900205";
  if (toSerNum?.includes(to)) return "900207";
  if (typeof maxCallTime !== "number" || !Number.isInteger(maxCallTime) || maxCallTime < 1) return "900209";
  if (maxCallTime > callSecondsMax) return "900209";
  if (needRecord !== 0 && needRecord !== 1) return "900210";
  if (typeof userData !== "string" || Buffer.byteLength(userData) > userDataBytesMax) return "900216";
  const shown = { ...(fromSerNum && { fromSerNum }), ...(toSerNum && { toSerNum }) };
  return { appId, from, to, ...shown, needRecord, userData, maxCallTime };
}

function isList(value: unknown): value is string[] | undefined {
  if (value === undefined) return true;
  return Array.isArray(value) && value.length <= 3 && value.every((one) => typeof one === "string");
}
