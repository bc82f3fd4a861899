/** What the far side does when asked, once it knows by whom. */
import { type Answer, json } from "../../kit/far/answer.ts";
import { readFields } from "../../kit/far/body.ts";
import { answerPlaced } from "../../kit/far/placed.ts";
import type { Far } from "../../kit/far/side.ts";
import { type FarCall, type Order, recordOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { playOf, type Script } from "./plan.ts";

export type Operation = (account: string, body: Buffer) => Answer | Promise<Answer>;
type Read = (body: Record<string, string>, account: string) => Answer | Promise<Answer>;

export interface OperationsOptions {
  /** Which of a call's times the list of records is cut by. */
  cutBy: "start" | "end";
  /** Whether records say which request they are of. */
  recordsCarryActionId: boolean;
}

const actionBytesMax = 40;
const dialable = /^(1\d{10}|0?\d{9,11})$/;
const timeForm = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$/;

export function openOperations(
  { calls: table, url: origin, timers, scriptOf }: Far<FarCall, Script>,
  calls: ReturnType<typeof openCalls>,
  options: OperationsOptions,
): Map<string, Operation> {
  const operations: Record<string, Read> = {
    "v20160818/call/dialout": (body, account) => {
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
      return place("Dialout", order, account);
    },
    "v20160818/webCall/webCall": (body, account) => {
      const { Action, ServiceNo = "", Exten = "", WebCallType, CallBackUrl = "", Variable = "", ActionID = "" } = body;
      const [, customer = ""] = /^phoneNum:(\d+)$/.exec(Variable) ?? [];
      const isRight = Action === "Webcall" && WebCallType === "asynchronous" && /^\d+$/.test(ServiceNo);
      if (!isRight || !dialable.test(Exten)) return said("Webcall", ActionID, "400 Error parameter");
      const order = { kind: "webcall", first: Exten, customer, actionId: ActionID, callBackUrl: CallBackUrl } as const;
      return place("Webcall", order, account);
    },
    "v20160818/call/hangup": (body, account) => {
      const { Agent = "", ActionID = "" } = body;
      const call = calls.running(account, Agent);
      if (!call) return said("HangUp", ActionID, "400 Error action");
      calls.hangUp(call);
      return said("HangUp", ActionID, null);
    },
    "v20170704/cdr/getCCCdr": (body, account) => {
      const [from, to] = [timeOf(body.beginTime), timeOf(body.endTime)];
      if (from === null || to === null || to < from) return refused(400);
      const ended = table
        .all()
        .filter((call) => call.account === account && call.end !== null && !call.play.unrecorded);
      const listed = ended.filter((call) => {
        const second = Math.floor((options.cutBy === "start" ? (call.ring ?? 0) : (call.end ?? 0)) / 1_000) * 1_000;
        return second >= from && second <= to;
      });
      const data = listed.map((call) => recordOf(call, origin, options.recordsCarryActionId));
      return json({ code: 200, success: true, message: "", data });
    },
  };

  function place(Response: string, order: Order, account: string): Answer | Promise<Answer> {
    const { actionId, customer, first } = order;
    if (Buffer.byteLength(actionId) > actionBytesMax) return said(Response, "", "400 Error parameter");
    const play = playOf(customer, scriptOf(customer, actionId.replace(/\.\d+(\.r)?$/, "")));
    if (play.answer === "refused") return said(Response, actionId, play.message ?? "401PBXnotfound");
    if (play.answer === "unavailable") return json({ code: 500, message: customer }, 500);
    if (calls.running(account, first)) return said(Response, actionId, `agent ${first} is busy`);
    calls.start(account, order, play);
    return answerPlaced(play, said(Response, actionId, null), customer, timers);
  }

  const read = (act: Read): Operation => {
    return (account, body) => {
      const fields = readFields(body);
      return fields === null ? refused(400) : act(stringsOf(fields), account);
    };
  };
  return new Map(Object.entries(operations).map(([name, act]) => [name, read(act)]));
}

export function refused(code: number): Answer {
  return json({ code, success: false, message: "no" });
}

function said(Response: string, ActionID: string, refusal: string | null): Answer {
  return json({ Response, ActionID, Succeed: refusal === null, Message: refusal ?? "" });
}

function stringsOf(fields: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).filter((one): one is [string, string] => typeof one[1] === "string"),
  );
}

function timeOf(text = ""): number | null {
  const [, day, time] = timeForm.exec(text) ?? [];
  return day === undefined ? null : Date.parse(`${day}T${time}+08:00`);
}
