/** What the far side does when asked, once it knows by whom. */
import type { ServerResponse } from "node:http";
import { beijingDate, type FarCall, noticeOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import type { Account } from "./door.ts";
import { type Play, playOf, type Script } from "./plan.ts";
import { readBody, readCallback } from "./request.ts";

export interface Asked {
  accountSid: string;
  account: Account;
  body: Buffer;
  response: ServerResponse;
}

export type Result = Record<string, unknown> & { statusCode: string };
/** null where the answer is lost, comes later, or has been written already. */
export type Operation = (asked: Asked) => Result | null;

export interface OperationsOptions {
  callbackPath: string;
  /** Queries for records that one account may make in a minute. */
  recordsPerMinute: number;
  now: () => number;
  origin: () => string;
  scriptFor(callRef: string, customer: string): Script;
}

const recordsKeptMs = 48 * 3_600_000;
const minuteMs = 60_000;

export function openOperations(calls: ReturnType<typeof openCalls>, options: OperationsOptions) {
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const queries = new Map<string, number[]>();
  const { now } = options;

  const operations: Record<string, Operation> = {
    [`Calls/${options.callbackPath}`]: place,
    "Calls/CancelCallback": cancel,
    "Records/query": record,
  };

  function place({ accountSid, account, body, response }: Asked): Result | null {
    const fields = readBody(body, "callback");
    const order = fields === null ? "900098" : readCallback(fields);
    if (typeof order === "string") return { statusCode: order };
    if (!Object.hasOwn(account.apps, order.appId)) return { statusCode: "900116" };
    const callRef = order.userData.replace(/\.\d+$/, "");
    const play = playOf(order.to, options.scriptFor(callRef, order.to));
    if (play.answer === "refused") return { statusCode: play.statusCode ?? "900117" };
    if (play.answer === "unavailable") return { statusCode: "900001" };
    const call = calls.start(accountSid, order, play);
    if (!play.answerAfterMs) return answerPlace(call, play, response);
    const timer = setTimeout(() => {
      timers.delete(timer);
      const result = answerPlace(call, play, response);
      if (result) write(response, result, now());
    }, play.answerAfterMs);
    timers.add(timer);
    return null;
  }

  function cancel({ accountSid, account, body }: Asked): Result {
    const { appId, callId } = readBody(body, "req") ?? {};
    if (typeof appId !== "string" || !Object.hasOwn(account.apps, appId)) return { statusCode: "900113" };
    if (typeof callId !== "string" || callId === "") return { statusCode: "900213" };
    const call = calls.get(accountSid, callId);
    if (!call || call.endTime !== null) return { statusCode: "900217" };
    calls.cancel(call);
    return { statusCode: "000000", callId };
  }

  function record({ accountSid, body }: Asked): Result {
    const { callId, type } = readBody(body, "req") ?? {};
    const recent = (queries.get(accountSid) ?? []).filter((ms) => now() - ms < minuteMs);
    queries.set(accountSid, [...recent, now()]);
    if (recent.length >= options.recordsPerMinute) return { statusCode: "900224" };
    if (typeof callId !== "string" || callId === "") return { statusCode: "900213" };
    if (type !== 1) return { statusCode: "900218" };
    const call = calls.get(accountSid, callId);
    const isFiled = call?.endTime != null && now() - call.endTime >= (call.play.recordAfterMs ?? 0);
    if (!call || !isFiled || call.play.silentAfterInvite) return { statusCode: "900217" };
    if (now() - (call.endTime ?? 0) > recordsKeptMs) return { statusCode: "900219" };
    const callNotify = noticeOf(call, "Hangup", null, call.endTime ?? 0, options.origin());
    return { statusCode: "000000", type: 1, callNotify };
  }

  return {
    named: (name: string): Operation | undefined => (Object.hasOwn(operations, name) ? operations[name] : undefined),
    stop(): void {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

export function write(response: ServerResponse, result: Result, now: number): void {
  const status = result.statusCode === "900001" ? 500 : 200;
  response.writeHead(status, { "content-type": "application/json;charset=utf-8" });
  response.end(JSON.stringify({ resp: { dateCreated: beijingDate(now), ...result } }));
}

function answerPlace(call: FarCall, play: Play, response: ServerResponse): Result | null {
  if (play.answer === "lost") response.socket?.destroy();
  if (play.answer === "garbage") response.writeHead(200).end(`<html>${call.order.to} accepted`);
  if (play.answer !== "normal") return null;
  return { statusCode: "000000", callId: call.callId, subStatusCode: play.subStatusCode ?? "", represent: "" };
}
