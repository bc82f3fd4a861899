/** What the far side accepts, read by its own rules: the order, or the code with which it is refused. */
import { readFields } from "../../kit/far/body.ts";
import type { ClickToCall } from "../wire.ts";

const number = /^\+86\d{5,28}$/;
const shown = /^(\+86)?\d{4,28}$/;

const isAddress = (value: unknown): value is string =>
  typeof value === "string" && value.length <= 128 && URL.canParse(Buffer.from(value, "base64").toString());
const isShown = (value: unknown): value is string => typeof value === "string" && shown.test(value);
const isNumber = (value: unknown): value is string => typeof value === "string" && number.test(value);

export function readOrder(body: Buffer): ClickToCall | string {
  const fields = readFields(body);
  if (fields === null) return "1010002";
  const { displayNbr, callerNbr, displayCalleeNbr, calleeNbr, maxDuration, statusUrl, feeUrl, recordFlag } = fields;
  const { userData } = fields;
  if (!isShown(displayNbr) || !isShown(displayCalleeNbr)) return "1010023";
  if (!isNumber(callerNbr)) return "1010024";
  if (!isNumber(calleeNbr)) return "1010002";
  if (!Number.isInteger(maxDuration) || Number(maxDuration) < 0 || Number(maxDuration) > 1_440) return "1010002";
  if (recordFlag !== "true" && recordFlag !== "false") return "1010002";
  if (typeof userData !== "string" || userData === "" || userData.length > 256 || /[{}]/.test(userData)) {
    return "1010002";
  }
  if ((statusUrl !== undefined && !isAddress(statusUrl)) || (feeUrl !== undefined && !isAddress(feeUrl))) {
    return "1010002";
  }
  const addresses = { ...(statusUrl && { statusUrl }), ...(feeUrl && { feeUrl }) };
  const numbers = { displayNbr, callerNbr, displayCalleeNbr, calleeNbr };
  return { ...numbers, maxDuration: Number(maxDuration), ...addresses, recordFlag, userData };
}

/** The session to stop; null where the body is another. */
export function readStop(body: Buffer): string | null {
  const { sessionid, signal } = readFields(body) ?? {};
  return typeof sessionid === "string" && signal === "call_stop" ? sessionid : null;
}
