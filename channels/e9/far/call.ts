/** One call as the far side sees it, and the notification or record that it writes about it. */
import { beijingStamp } from "../../kit/far/beijing.ts";
import type { CallbackRequest } from "../wire.ts";
import type { Play } from "./plan.ts";

export interface FarCall {
  readonly accountSid: string;
  readonly appId: string;
  readonly callId: string;
  readonly order: Readonly<CallbackRequest>;
  readonly play: Readonly<Play>;
  /** Epoch milliseconds; null for what has not happened. */
  startTimeA: number | null;
  startTimeB: number | null;
  endTime: number | null;
  byeType: number | null;
}

export function newCall(start: Pick<FarCall, "accountSid" | "appId" | "callId" | "order" | "play">): FarCall {
  return { ...start, startTimeA: null, startTimeB: null, endTime: null, byeType: null };
}

export type Action = "CallInvite" | "CallEstablish" | "Hangup";
export type Notice = Record<string, string>;

/** The fields in the order of the documents. */
export function noticeOf(call: FarCall, action: Action, leg: "a" | "b" | null, now: number, origin: string): Notice {
  const { order, play, callId } = call;
  const notice: Notice = {
    action,
    type: "1",
    appId: play.wrongApp ? "f".repeat(32) : call.appId,
    caller: order.from,
    called: order.to,
    callId,
    dateCreated: beijingStamp(now),
    userData: order.userData,
  };
  if (action === "CallInvite") notice.userFlag = leg === "a" ? "0" : "1";
  if (action !== "Hangup") return notice;
  const { startTimeA, startTimeB, endTime, byeType } = call;
  const recorded = order.needRecord === 1 && startTimeA !== null;
  return {
    ...notice,
    startTimeA: beijingStamp(startTimeA),
    startTimeB: beijingStamp(startTimeB),
    endTime: beijingStamp(endTime),
    duration: startTimeB === null || endTime === null ? "0" : String(Math.floor((endTime - startTimeB) / 1_000)),
    recordUrl: recorded ? `${origin}/record/${callId}.mp3` : "",
    byeType: byeType === null ? "" : String(byeType),
  };
}

export function xmlOf(notice: Notice): string {
  const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const fields = Object.entries(notice).map(([name, value]) => `<${name}>${escaped(value)}</${name}>`);
  return `<?xml version='1.0'?><req>${fields.join("")}</req>`;
}
