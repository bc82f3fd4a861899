/** What the far side does when asked, once it knows by whom. */
import type { ServerResponse } from "node:http";
import type { CallbackRequest } from "../wire.ts";
import type { FarCall } from "./call.ts";
import type { openCalls } from "./calls.ts";
import type { Account } from "./door.ts";
import { type Play, playOf, type Script } from "./plan.ts";

export interface Asked {
  method: string;
  sid: string;
  account: Account;
  body: Buffer;
  response: ServerResponse;
}

export type Result = Record<string, unknown> & { statusCode: string };
/** null where the answer is lost, comes later, or has been written already. */
export type Operation = (asked: Asked) => Result | null;

export interface OperationsOptions {
  callbackPath: string;
  now: () => number;
  scriptFor(callRef: string, customer: string): Script;
}

type Calls = ReturnType<typeof openCalls>;
const number = /^(1\d{10}|0?\d{9,11}|400\d{7}|9\d{4,10})$/;

export function openOperations(calls: Calls, options: OperationsOptions) {
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const operations: Record<string, Operation> = {
    [`POST ${options.callbackPath}`]: place,
    "POST Calls/CallCancel": cancel,
    "GET AccountInfo": ({ account }) => {
      if (account.level !== "Accounts") return { statusCode: "111141" };
      const { balance = "100.00" } = account;
      return { statusCode: "000000", Account: { friendlyName: "demo", type: "0", status: "1", balance } };
    },
  };

  function place({ sid, account, body, response }: Asked): Result | null {
    const order = readOrder(body);
    if (order === null) return { statusCode: "110127" };
    const belongs = account.level === "SubAccounts" ? order.appId === undefined : order.appId === account.appId;
    if (!belongs) return { statusCode: "111182" };
    const callRef = order.userData.replace(/\.\d+(\.r)?$/, "");
    const play = playOf(order.to, options.scriptFor(callRef, order.to));
    if (play.answer === "refused") return { statusCode: play.statusCode ?? "111142", statusMsg: order.to };
    if (play.answer === "unavailable") return { statusCode: "111000", statusMsg: order.to };
    const call = calls.start({ sid, appId: account.appId }, order, play);
    if (!play.answerAfterMs) return answerPlace(call, play, response, options.now());
    const timer = setTimeout(() => {
      timers.delete(timer);
      const result = answerPlace(call, play, response, options.now());
      if (result) write(response, result);
    }, play.answerAfterMs);
    timers.add(timer);
    return null;
  }

  function cancel({ sid, account, body }: Asked): Result {
    const { appId, callSid, type } = readStrings(body) ?? {};
    if (appId !== account.appId) return { statusCode: "111182" };
    if (callSid === undefined || !/^[012]$/.test(type ?? "")) return { statusCode: "110127" };
    const call = calls.get(callSid);
    if (call?.sid !== sid || call.endedAt !== null) return { statusCode: "110126" };
    calls.hangUp(call, call.b.answer === null ? "-14" : "1");
    return { statusCode: "000000" };
  }

  return {
    named: (name: string): Operation | undefined => (Object.hasOwn(operations, name) ? operations[name] : undefined),
    stop(): void {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

/** A fault of the platform's own comes as a 500. */
export function write(response: ServerResponse, result: Result): void {
  const status = result.statusCode === "111000" ? 500 : 200;
  response.writeHead(status, { "content-type": "application/json;charset=utf-8" }).end(JSON.stringify(result));
}

function answerPlace(call: FarCall, play: Play, response: ServerResponse, now: number): Result | null {
  if (play.answer === "lost") response.socket?.destroy();
  if (play.answer === "garbage") response.writeHead(200).end(`<html>${call.order.to} accepted`);
  if (play.answer !== "normal") return null;
  const dateCreated = new Date(now + 8 * 3_600_000).toISOString().replace(/\D/g, "").slice(0, 14);
  return { statusCode: "000000", CallBack: { callSid: call.callSid, dateCreated } };
}

/** Every value has to be a string; null for anything else. */
function readStrings(body: Buffer): Record<string, string> | null {
  try {
    const fields: unknown = JSON.parse(body.toString());
    if (typeof fields !== "object" || fields === null || Array.isArray(fields)) return null;
    const entries = Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === "string");
    return entries.length === Object.keys(fields).length ? Object.fromEntries(entries) : null;
  } catch {
    return null;
  }
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
