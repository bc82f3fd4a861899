/** What the far side does when asked, once it knows by whom. */
import { type Answer, json } from "../../kit/far/answer.ts";
import { beijingClock } from "../../kit/far/beijing.ts";
import { answerPlaced } from "../../kit/far/placed.ts";
import type { Far } from "../../kit/far/side.ts";
import { type FarCall, noticeOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import type { Account } from "./door.ts";
import { playOf, type Script } from "./plan.ts";
import { readBody, readCallback } from "./request.ts";

export interface Asked {
  accountSid: string;
  account: Account;
  body: Buffer;
}

export type Result = Record<string, unknown> & { statusCode: string };
export type Operation = (asked: Asked) => Answer | Promise<Answer>;

export interface OperationsOptions {
  callbackPath: string;
  /** Queries for records that one account may make in a minute. */
  recordsPerMinute: number;
}

const recordsKeptMs = 48 * 3_600_000;
const minuteMs = 60_000;

export function openOperations(
  { now, url: origin, timers, scriptOf }: Far<FarCall, Script>,
  calls: ReturnType<typeof openCalls>,
  options: OperationsOptions,
): Map<string, Operation> {
  const queries = new Map<string, number[]>();

  function place({ accountSid, account, body }: Asked): Answer | Promise<Answer> {
    const refused = (statusCode: string) => said({ statusCode }, now());
    const fields = readBody(body, "callback");
    const order = fields === null ? "900098" : readCallback(fields);
    if (typeof order === "string") return refused(order);
    if (!Object.hasOwn(account.apps, order.appId)) return refused("900116");
    const play = playOf(order.to, scriptOf(order.to, order.userData.replace(/\.\d+$/, "")));
    if (play.answer === "refused") return refused(play.statusCode ?? "900117");
    if (play.answer === "unavailable") return refused("900001");
    const { callId } = calls.start(accountSid, order, play);
    const yes = { statusCode: "000000", callId, subStatusCode: play.subStatusCode ?? "", represent: "" };
    return answerPlaced(play, said(yes, now()), order.to, timers);
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
    const callNotify = noticeOf(call, "Hangup", null, call.endTime ?? 0, origin);
    return { statusCode: "000000", type: 1, callNotify };
  }

  return new Map<string, Operation>([
    [`Calls/${options.callbackPath}`, place],
    ["Calls/CancelCallback", (asked) => said(cancel(asked), now())],
    ["Records/query", (asked) => said(record(asked), now())],
  ]);
}

/** 2016/03/24 15:36:52, as answers write it. */
function dateOf(ms: number): string {
  return beijingClock(ms).slice(0, 19).replaceAll("-", "/").replace("T", " ");
}

export function said(result: Result, now: number): Answer {
  return json({ resp: { dateCreated: dateOf(now), ...result } }, result.statusCode === "900001" ? 500 : 200);
}
