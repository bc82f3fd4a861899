/** What the far side does when asked, once it knows by whom. */
import type { ServerResponse } from "node:http";
import { type FarCall, type Order, recordOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { type Play, playOf, type Script } from "./plan.ts";

export interface Asked {
  account: string;
  body: Record<string, string>;
  response: ServerResponse;
}

export type Result = { status: number; body: object };
/** null where the answer is lost, comes later, or has been written already. */
export type Operation = (asked: Asked) => Result | null;

export interface OperationsOptions {
  origin: () => string;
  scriptFor(callRef: string, customer: string): Script;
  /** Which of a call's times the list of records is cut by. */
  cutBy: "start" | "end";
  /** Whether records say which request they are of. */
  recordsCarryActionId: boolean;
}

const actionBytesMax = 40;
const dialable = /^(1\d{10}|0?\d{9,11})$/;
const timeForm = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$/;

export function openOperations(calls: ReturnType<typeof openCalls>, options: OperationsOptions) {
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const operations: Record<string, Operation> = {
    "v20160818/call/dialout": ({ body, ...asked }) => {
      const { FromExten = "", Exten = "", ExtenType = "", ActionID = "" } = body;
      const isRight = /^\w{1,8}$/.test(FromExten) && /^(Local|sip|gateway)$/.test(ExtenType);
      if (!isRight || !dialable.test(Exten)) return said("Dialout", ActionID, "400 Error parameter");
      const order = {
        kind: "dialout",
        first: FromExten,
        customer: Exten,
        actionId: ActionID,
        callBackUrl: null,
      } as const;
      return place("Dialout", order, asked);
    },
    "v20160818/webCall/webCall": ({ body, ...asked }) => {
      const { Action, ServiceNo = "", Exten = "", WebCallType, CallBackUrl = "", Variable = "", ActionID = "" } = body;
      const [, customer = ""] = /^phoneNum:(\d+)$/.exec(Variable) ?? [];
      const isRight = Action === "Webcall" && WebCallType === "asynchronous" && /^\d+$/.test(ServiceNo);
      if (!isRight || !dialable.test(Exten)) return said("Webcall", ActionID, "400 Error parameter");
      const order = { kind: "webcall", first: Exten, customer, actionId: ActionID, callBackUrl: CallBackUrl } as const;
      return place("Webcall", order, asked);
    },
    "v20160818/call/hangup": ({ account, body }) => {
      const { Agent = "", ActionID = "" } = body;
      const call = calls.running(account, Agent);
      if (!call) return said("HangUp", ActionID, "400 Error action");
      calls.hangUp(call);
      return said("HangUp", ActionID, null);
    },
    "v20170704/cdr/getCCCdr": ({ account, body }) => {
      const [from, to] = [timeOf(body.beginTime), timeOf(body.endTime)];
      if (from === null || to === null || to < from) return { status: 200, body: { code: 400, success: false } };
      const ended = calls
        .all()
        .filter((call) => call.account === account && call.end !== null && !call.play.unrecorded);
      const listed = ended.filter((call) => {
        const second = Math.floor((options.cutBy === "start" ? (call.ring ?? 0) : (call.end ?? 0)) / 1_000) * 1_000;
        return second >= from && second <= to;
      });
      const data = listed.map((call) => recordOf(call, options.origin(), options.recordsCarryActionId));
      return { status: 200, body: { code: 200, success: true, message: "", data } };
    },
  };

  function place(Response: string, order: Order, { account, response }: Omit<Asked, "body">): Result | null {
    if (Buffer.byteLength(order.actionId) > actionBytesMax) return said(Response, "", "400 Error parameter");
    const callRef = order.actionId.replace(/\.\d+(\.r)?$/, "");
    const play = playOf(order.customer, options.scriptFor(callRef, order.customer));
    if (play.answer === "refused") return said(Response, order.actionId, play.message ?? "401PBXnotfound");
    if (play.answer === "unavailable") return { status: 500, body: { code: 500, message: order.customer } };
    if (calls.running(account, order.first)) return said(Response, order.actionId, `agent ${order.first} is busy`);
    const call = calls.start(account, order, play);
    if (!play.answerAfterMs) return answerPlace(Response, call, play, response);
    const timer = setTimeout(() => {
      timers.delete(timer);
      const result = answerPlace(Response, call, play, response);
      if (result) write(response, result);
    }, play.answerAfterMs);
    timers.add(timer);
    return null;
  }

  return {
    named: (name: string): Operation | undefined => (Object.hasOwn(operations, name) ? operations[name] : undefined),
    stop(): void {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

export function write(response: ServerResponse, { status, body }: Result): void {
  response.writeHead(status, { "content-type": "application/json;charset=utf-8" }).end(JSON.stringify(body));
}

function said(Response: string, ActionID: string, refusal: string | null): Result {
  return { status: 200, body: { Response, ActionID, Succeed: refusal === null, Message: refusal ?? "" } };
}

function answerPlace(Response: string, call: FarCall, play: Play, response: ServerResponse): Result | null {
  if (play.answer === "lost") response.socket?.destroy();
  if (play.answer === "garbage") response.writeHead(200).end(`<html>${call.order.customer} accepted`);
  return play.answer === "normal" ? said(Response, call.order.actionId, null) : null;
}

function timeOf(text = ""): number | null {
  const [, day, time] = timeForm.exec(text) ?? [];
  return day === undefined ? null : Date.parse(`${day}T${time}+08:00`);
}
