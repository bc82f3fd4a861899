/** Clink's side of the far side: what it accepts and answers. */
import { type Answer, json } from "../../kit/far/answer.ts";
import { readFields } from "../../kit/far/body.ts";
import type { Far } from "../../kit/far/side.ts";
import { clinkRecord, type FarCall, type FarOrder } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { playOf, type Script } from "./plan.ts";

const agentForm = /^\d{4,6}$/;
const customerForm = /^(1\d{10}|0\d{9,11}|400\d{7}|9\d{4,10})$/;

/** A callout as either flavor reads it; null where a field is not as documented. */
export function readOrder(fields: Record<string, unknown>, agent: RegExp): FarOrder | null {
  const { cno, customer, bindTel, shown, agentSeconds, customerSeconds, requestUniqueId, userField } = fields;
  if (typeof cno !== "string" || !agent.test(cno)) return null;
  if (typeof customer !== "string" || !customerForm.test(customer)) return null;
  if (bindTel !== undefined && !/^1\d{10}$/.test(String(bindTel))) return null;
  const isWait = (value: unknown): value is number => typeof value === "number" && value >= 5 && value <= 60;
  if (!isWait(agentSeconds) || !isWait(customerSeconds)) return null;
  if (typeof requestUniqueId !== "string" || Buffer.byteLength(requestUniqueId) > 50) return null;
  if (typeof userField !== "string" || Buffer.byteLength(userField) > 250) return null;
  return {
    cno,
    customer,
    bindTel: bindTel === undefined ? null : String(bindTel),
    shown: typeof shown === "string" ? shown : null,
    agentSeconds,
    customerSeconds,
    requestUniqueId,
    userField,
  };
}

export function openClinkOperations(
  { calls: table, url: origin, scriptOf }: Far<FarCall, Script>,
  calls: ReturnType<typeof openCalls>,
) {
  return (account: string, name: string, query: URLSearchParams, body: Record<string, unknown>): Answer => {
    const cno = String(body.cno ?? "");
    switch (name) {
      case "callout":
        return callout(account, body);
      case "callout_cancel":
        return calls.cancel(account, cno) ? ok({}) : failed("NoSuchCallout");
      case "unlink":
        return calls.unlink(account, cno) ? ok({}) : failed("AgentNotInCall");
      case "hold":
      case "unhold":
      case "transfer": {
        const call = calls.runningOf(account, cno);
        if (call === undefined || call.at.bridge === null) return failed("AgentNotInCall");
        call.controlled.push(name === "unhold" ? "resume" : name);
        return ok({});
      }
      case "list_cdr_obs": {
        const limit = Number(query.get("limit") ?? "10");
        if (!(limit >= 10 && limit <= 100)) return failed("InvalidParameter");
        const [from, until] = [Number(query.get("startTime")) * 1_000, Number(query.get("endTime")) * 1_000];
        const found = calls.records(account, query.get("requestUniqueId") ?? "", from, until).slice(0, limit);
        return ok({ pageNumber: 1, pageSize: limit, totalCount: found.length, cdrObs: found.map(clinkRecord) });
      }
      case "describe_record_file_url": {
        const call = table.get(query.get("mainUniqueId") ?? "");
        if (call?.account !== account || call.ended === null || call.at.bridge === null)
          return failed("RecordNotExist");
        return ok({ recordFileUrl: `${origin}/sound/${call.uniqueId}.mp3?Expires=1&Signature=s1gn`, audioFlows: [] });
      }
      default:
        return json({ requestId: "r", error: { code: "NotFound", message: "" } }, 404);
    }
  };

  function callout(account: string, body: Record<string, unknown>): Answer {
    const { cno, customerNumber: customer, bindTel, clid: shown, requestUniqueId } = body;
    const told = typeof body.userField === "string" ? decodeURIComponent(body.userField) : undefined;
    const waits = { agentSeconds: body.clientTimeout, customerSeconds: body.customerTimeout };
    const userField = told !== undefined && isJson(told) ? body.userField : undefined;
    const order = readOrder({ cno, customer, bindTel, shown, ...waits, requestUniqueId, userField }, agentForm);
    if (order === null) return failed("InvalidParameter");
    const play = playOf(order.customer, scriptOf(order.customer));
    if (play.answer === "refused") return failed(play.code ?? "AgentOffline");
    if (play.answer === "unavailable") return json({ requestId: "r", error: { code: "InternalError" } }, 500);
    if (calls.runningOf(account, order.cno) !== undefined) return failed("AgentBusy");
    calls.start(account, order, play);
    if (play.answer === "lost") return "lost";
    return ok({ result: { cno, customerNumber: customer, requestUniqueId } });
  }
}

const isJson = (text: string): boolean => readFields(Buffer.from(text)) !== null;
const ok = (fields: object): Answer => json({ requestId: "f8b1", ...fields });
const failed = (code: string): Answer => json({ requestId: "f8b1", error: { code, message: "no" } }, 400);
