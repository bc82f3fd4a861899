/** One call as the far side sees it, and the records and callbacks that it writes about it. */
import { beijingStamp } from "../../kit/far/beijing.ts";
import type { CallbackRequest } from "../wire.ts";
import type { Play } from "./plan.ts";

/** Epoch milliseconds; null for what has not happened. */
interface FarLeg {
  call: number | null;
  ring: number | null;
  answer: number | null;
}

export interface FarCall {
  readonly sid: string;
  readonly appId: string;
  readonly callSid: string;
  readonly order: Readonly<CallbackRequest>;
  readonly play: Readonly<Play>;
  readonly a: FarLeg;
  readonly b: FarLeg;
  endedAt: number | null;
  byetype: string;
  /** What a CallAuth's answer said of the recording; null where none was asked. */
  record: string | null;
}

export function newCall(start: Pick<FarCall, "sid" | "appId" | "callSid" | "order" | "play">): FarCall {
  const leg = (): FarLeg => ({ call: null, ring: null, answer: null });
  return { ...start, a: leg(), b: leg(), endedAt: null, byetype: "", record: null };
}

export type Nested = { [name: string]: string | Nested };

function seconds(from: number | null, to: number | null): string {
  return from === null || to === null ? "0" : String(Math.max(0, Math.ceil((to - from) / 1_000)));
}

function recordUrl(call: FarCall, origin: string): string {
  const isRecorded = (call.record ?? call.order.needRecord) === "1" && call.a.answer !== null;
  return isRecorded ? `${origin}/record/${call.callSid}.wav` : "";
}

/** Pushed to the call's own address: of both legs, or one for both. */
export function recordOf(call: FarCall, origin: string): Nested {
  const { order, callSid, a, b, endedAt, byetype } = call;
  const appId = call.play.wrongApp ? "f".repeat(32) : call.appId;
  const named = { appId, callSid, userData: order.userData, subId: "sub-1" };
  const times = (leg: FarLeg) => ({
    beginCallTime: beijingStamp(leg.call),
    ringingBeginTime: beijingStamp(leg.ring),
    ringingEndTime: beijingStamp(leg.ring === null ? null : (leg.answer ?? endedAt)),
    starttime: beijingStamp(leg.answer),
    endtime: beijingStamp(leg.call === null ? null : endedAt),
    duration: seconds(leg.answer, endedAt),
  });
  if (order.needBothCdr === "0") {
    const answered = b.answer ?? a.answer;
    const whole = {
      starttime: beijingStamp(answered),
      endtime: beijingStamp(answered === null ? null : endedAt),
      duration: seconds(answered, endedAt),
    };
    const legs = { caller: order.from, called: order.to };
    return { ...named, ...legs, ...times(a), ...whole, byetype, recordurl: recordUrl(call, origin) };
  }
  const shown = order.fromSerNum ?? order.to;
  const quality = { lineNumber: "", lostRate: "" };
  return {
    orderid: `CM${callSid.slice(-26)}`,
    recordurl: recordUrl(call, origin),
    callerCdr: { ...named, caller: shown, called: order.from, ...times(a), byetype, ...quality },
    calledCdr: {
      ...named,
      caller: order.from,
      called: order.to,
      ...times(b),
      byetype: b.call === null ? "" : byetype,
      ...quality,
    },
  };
}

export type Action = "CallAuth" | "CallEstablish" | "Hangup";

/** Pushed to the address entered on the app. */
export function callbackOf(call: FarCall, action: Action, origin: string): Nested {
  const { order, callSid, a, b, endedAt, byetype } = call;
  const legs = { subid: "sub-1", caller: order.from, called: order.to, callSid };
  const named = { action, type: "1", subtype: "0", orderid: `CM${callSid.slice(-26)}`, ...legs };
  const appId = call.play.wrongApp ? "f".repeat(32) : call.appId;
  if (action !== "Hangup") return { ...named, appId, userData: order.userData };
  return {
    ...named,
    starttime: beijingStamp(b.answer ?? a.answer),
    endtime: beijingStamp(endedAt),
    billdata: "",
    recordurl: recordUrl(call, origin),
    byetype,
    talkDuration: seconds(b.answer, endedAt),
    appId,
  };
}

export function xmlOf(root: string, fields: Nested): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${elementOf(root, fields)}`;
}

function elementOf(name: string, value: string | Nested): string {
  const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  // The record's legs are written with a capital in XML.
  const named = name.replace(/^call(er|ed)Cdr$/, "Call$1Cdr");
  const inner =
    typeof value === "string"
      ? escaped(value)
      : Object.entries(value)
          .map(([one, field]) => elementOf(one, field))
          .join("");
  return `<${named}>${inner}</${named}>`;
}
