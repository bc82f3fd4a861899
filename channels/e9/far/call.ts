/** One call as the far side sees it, and the notification or record that it writes about it. */
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
  /** How often each leg rang. */
  readonly rings: { a: number; b: number };
}

export function newCall(start: Pick<FarCall, "accountSid" | "appId" | "callId" | "order" | "play">): FarCall {
  return { ...start, startTimeA: null, startTimeB: null, endTime: null, byeType: null, rings: { a: 0, b: 0 } };
}

export type Action = "CallInvite" | "CallEstablish" | "Hangup";
export type Notice = Record<string, string>;

/** Beijing has had no summer time since 1991, so a fixed eight hours do. */
function beijingStamp(ms: number): string {
  return new Date(ms + 8 * 3_600_000).toISOString().replace(/\D/g, "").slice(0, 14);
}

/** 2016/03/24 15:36:52, as answers write it. */
export function beijingDate(ms: number): string {
  const time = new Date(ms + 8 * 3_600_000).toISOString();
  return `${time.slice(0, 10).replaceAll("-", "/")} ${time.slice(11, 19)}`;
}

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
  const written = (ms: number | null) => (ms === null ? "" : beijingStamp(ms));
  const recorded = order.needRecord === 1 && startTimeA !== null;
  return {
    ...notice,
    startTimeA: written(startTimeA),
    startTimeB: written(startTimeB),
    endTime: written(endTime),
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
