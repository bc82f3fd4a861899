/** What the far side accepts, read by its own rules: the order, or the code with which it is refused. */
import type { ClickToCall } from "../wire.ts";

const number = /^\+86\d{5,28}$/;
const shown = /^(\+86)?\d{4,28}$/;

function fieldsOf(body: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

const isAddress = (value: unknown): value is string =>
  typeof value === "string" && value.length <= 128 && URL.canParse(Buffer.from(value, "base64").toString());
const isShown = (value: unknown): value is string => typeof value === "string" && shown.test(value);
const isNumber = (value: unknown): value is string => typeof value === "string" && number.test(value);

export function readOrder(body: Buffer): ClickToCall | string {
  const fields = fieldsOf(body);
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
  const { sessionid, signal } = fieldsOf(body) ?? {};
  return typeof sessionid === "string" && signal === "call_stop" ? sessionid : null;
}
