/** One call as the far side sees it, and what it writes about it. Times are epoch milliseconds. */
import type { Moment, Play } from "./plan.ts";

/** What a callout asked for, in whichever flavor's words. */
export interface FarOrder {
  cno: string;
  customer: string;
  bindTel: string | null;
  shown: string | null;
  agentSeconds: number;
  customerSeconds: number;
  requestUniqueId: string;
  userField: string;
}

export interface FarCall {
  readonly account: string;
  readonly uniqueId: string;
  readonly order: Readonly<FarOrder>;
  readonly play: Readonly<Play>;
  readonly at: Record<Moment, number | null>;
  ended: { at: number; status: number; sipCause: number; endReason: number } | null;
  /** What was done to it, as the agent's. */
  readonly controlled: string[];
}

export function newCall(start: Pick<FarCall, "account" | "uniqueId" | "order" | "play">): FarCall {
  const at = { "call-a": null, "ring-a": null, "answer-a": null, "ring-b": null, bridge: null };
  return { ...start, at, ended: null, controlled: [] };
}

const seconds = (ms: number | null): number | null => (ms === null ? null : Math.floor(ms / 1_000));
const fileOf = (call: FarCall): string => `${call.uniqueId.replace("medias_", "")}.mp3`;
const isRecorded = ({ at, ended }: FarCall): boolean => at.bridge !== null && ended !== null;
const given = (fields: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));

/** One of clink's `cdrObs`: numbers for times, text for the rest; no request id. */
export function clinkRecord(call: FarCall): Record<string, unknown> {
  const { order, at, ended, uniqueId, play } = call;
  const [bridge, end] = [seconds(at.bridge), seconds(ended?.at ?? null)];
  return given({
    callId: uniqueId,
    uniqueId,
    hotline: "01000000000",
    customerNumber: order.customer,
    customerProvince: "北京",
    customerCity: "北京",
    cno: order.cno,
    clientName: "demo",
    clientNumber: order.bindTel ?? "13800000000",
    callType: "点击外呼",
    startTime: seconds(at["call-a"]),
    endTime: end,
    bridgeTime: bridge,
    customerRingingTime: seconds(at["ring-b"]),
    bridgeDuration: bridge === null || end === null ? 0 : end - bridge,
    status: ended?.status === 33 ? "双方接听" : "未接听",
    statusCode: String(ended?.status ?? ""),
    endReason: String(ended?.endReason ?? ""),
    sipCause: String(ended?.sipCause ?? ""),
    recordFile: isRecorded(call) ? fileOf(call) : "",
    userField: play.forgetful ? "" : order.userField,
  });
}

/** One of CTI-Cloud's records: all text, and the request's id. */
export function cticloudRecord(call: FarCall): Record<string, unknown> {
  const { order, at, ended, uniqueId } = call;
  const written = (ms: number | null) => String(seconds(ms) ?? "");
  return {
    uniqueId,
    callId: uniqueId,
    requestUniqueId: order.requestUniqueId,
    customerNumber: order.customer,
    cno: order.cno,
    clid: order.shown ?? "01000000000",
    startTime: written(at["call-a"]),
    answerTime: written(at["answer-a"]),
    calleeRingingTime: written(at["ring-b"]),
    bridgeTime: written(at.bridge),
    endTime: written(ended?.at ?? null),
    status: String(ended?.status ?? ""),
    sipCause: ended?.sipCause ?? 0,
    endReason: String(ended?.endReason ?? ""),
    recordFile: isRecorded(call) ? [{ file: fileOf(call), monitorType: 1, type: "record" }] : [],
    userField: { request: order.userField },
  };
}

export type PushType = "3" | "6" | "8" | "22";

/** The usual names; an enterprise may have chosen others, and here added the SIP cause to the end. */
export function pushFields(call: FarCall, type: PushType, enterpriseId: string): Record<string, string> {
  const { order, at, ended, uniqueId } = call;
  const written = (ms: number | null) => String(seconds(ms) ?? "");
  if (type === "8") {
    return {
      cdr_enterprise_id: enterpriseId,
      cdr_main_unique_id: uniqueId,
      cdr_request_unique_id: order.requestUniqueId,
      cdr_customer_number: order.customer,
      cdr_customer_area_code: "010",
      cdr_customer_number_type: "2",
      cdr_status: String(ended?.status ?? ""),
      cdr_call_type: "3",
      cdr_cno: order.cno,
      cdr_agent_number: order.bindTel ?? "13800000000",
      cdr_start_time: written(at["call-a"]),
      cdr_answer_time: written(at["answer-a"]),
      cdr_bridge_time: written(at.bridge),
      cdr_end_time: written(ended?.at ?? null),
      cdr_record_file_1: isRecorded(call) ? fileOf(call) : "",
      cdr_end_reason: String(ended?.endReason ?? ""),
      cdr_sip_cause: String(ended?.sipCause ?? ""),
      cdr_clid: order.shown ?? "01000000000",
      userField: order.userField,
    };
  }
  const rang = type === "3" ? at["ring-a"] : at["ring-b"];
  return {
    event: type === "6" ? "connected" : "ringing",
    enterpriseId,
    hotline: "01000000000",
    cno: order.cno,
    bindTel: order.bindTel ?? "13800000000",
    customerNumber: order.customer,
    customerNumberType: "2",
    customerAreaCode: "010",
    callType: "3",
    numberTrunk: "01000000000",
    mainUniqueId: uniqueId,
    uniqueId: `${uniqueId}.1`,
    requestUniqueId: order.requestUniqueId,
    calleeNumber: type === "3" ? order.cno : order.customer,
    ringingTime: written(rang),
    ...(type === "6" && { bridgeTime: written(at.bridge) }),
  };
}
