/** What the far side does when asked, once it knows by whom. */
import { type Answer, json } from "../../kit/far/answer.ts";
import { beijingStamp } from "../../kit/far/beijing.ts";
import { readFields } from "../../kit/far/body.ts";
import { answerPlaced } from "../../kit/far/placed.ts";
import type { Far } from "../../kit/far/side.ts";
import type { CallbackRequest } from "../wire.ts";
import type { FarCall } from "./call.ts";
import type { openCalls } from "./calls.ts";
import type { Account } from "./door.ts";
import { playOf, type Script } from "./plan.ts";

export interface Asked {
  sid: string;
  account: Account;
  body: Buffer;
}

export type Result = Record<string, unknown> & { statusCode: string };
export type Operation = (asked: Asked) => Answer | Promise<Answer>;

const number = /^(1\d{10}|0?\d{9,11}|400\d{7}|9\d{4,10})$/;

export function openOperations(
  { now, timers, scriptOf }: Far<FarCall, Script>,
  calls: ReturnType<typeof openCalls>,
  callbackPath: string,
): Map<string, Operation> {
  function place({ sid, account, body }: Asked): Answer | Promise<Answer> {
    const order = readOrder(body);
    if (order === null) return said({ statusCode: "110127" });
    const belongs = account.level === "SubAccounts" ? order.appId === undefined : order.appId === account.appId;
    if (!belongs) return said({ statusCode: "111182" });
    const play = playOf(order.to, scriptOf(order.to, order.userData.replace(/\.\d+(\.r)?$/, "")));
    if (play.answer === "refused") return said({ statusCode: play.statusCode ?? "111142", statusMsg: order.to });
    if (play.answer === "unavailable") return said({ statusCode: "111000", statusMsg: order.to });
    const { callSid } = calls.start({ sid, appId: account.appId }, order, play);
    const yes = { statusCode: "000000", CallBack: { callSid, dateCreated: beijingStamp(now()) } };
    return answerPlaced(play, said(yes), order.to, timers);
  }

  function cancel({ sid, account, body }: Asked): Result {
    const { appId, callSid, type } = readStrings(body) ?? {};
    if (appId !== account.appId) return { statusCode: "111182" };
    if (callSid === undefined || !/^[012]$/.test(type ?? "")) return { statusCode: "110127" };
    const call = calls.get(sid, callSid);
    if (!call || call.endedAt !== null) return { statusCode: "110126" };
    calls.hangUp(call, call.b.answer === null ? "-14" : "1");
    return { statusCode: "000000" };
  }

  function account({ account: { level, balance = "100.00" } }: Asked): Result {
    if (level !== "Accounts") return { statusCode: "111141" };
    return { statusCode: "000000", Account: { friendlyName: "demo", type: "0", status: "1", balance } };
  }

  return new Map<string, Operation>([
    [`POST ${callbackPath}`, place],
    ["POST Calls/CallCancel", (asked) => said(cancel(asked))],
    ["GET AccountInfo", (asked) => said(account(asked))],
  ]);
}

/** A fault of the platform's own comes as a 500. */
export function said(result: Result): Answer {
  return json(result, result.statusCode === "111000" ? 500 : 200);
}

/** Every value has to be a string; null for anything else. */
function readStrings(body: Buffer): Record<string, string> | null {
  const fields = Object.entries(readFields(body) ?? { none: null });
  const strings = fields.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return strings.length === fields.length ? Object.fromEntries(strings) : null;
}

function readOrder(body: Buffer): CallbackRequest | null {
  const fields = readStrings(body);
  if (fields === null) return null;
  const { from = "", to = "", userData = "", maxCallTime = "", hangupCdrUrl = "", ...rest } = fields;
  const { appId, customerSerNum, fromSerNum, needBothCdr = "0", needRecord = "0" } = rest;
  if (!number.test(from) || !number.test(to) || userData.length > 64 || !/^[1-9]\d*$/.test(maxCallTime)) return null;
  if (!isFlag(needBothCdr) || !isFlag(needRecord)) return null;
  const shown = { ...(customerSerNum && { customerSerNum }), ...(fromSerNum && { fromSerNum }) };
  const order = { from, to, ...shown, userData, maxCallTime, hangupCdrUrl, needBothCdr, needRecord };
  return { ...(appId !== undefined && { appId }), ...order };
}

function isFlag(text: string): text is "0" | "1" {
  return text === "0" || text === "1";
}
