/** One call as the far side sees it, and the events and the record that it writes about it. */
import { beijingClock } from "../../kit/far/beijing.ts";
import type { Play } from "./plan.ts";

export interface Order {
  kind: "dialout" | "webcall";
  /** The agent's extension, or the phone that a web call rings first. */
  first: string;
  customer: string;
  actionId: string;
  /** Where a web call's result goes. */
  callBackUrl: string | null;
}

export interface FarCall {
  readonly account: string;
  readonly sheetId: string;
  /** Of the live channel: what a hang-up takes. */
  readonly channelId: string;
  readonly order: Readonly<Order>;
  readonly play: Readonly<Play>;
  /** Epoch milliseconds; null for what has not happened. */
  ring: number | null;
  answerA: number | null;
  ringing: number | null;
  begin: number | null;
  end: number | null;
}

export function newCall(start: Pick<FarCall, "account" | "sheetId" | "channelId" | "order" | "play">): FarCall {
  return { ...start, ring: null, answerA: null, ringing: null, begin: null, end: null };
}

function written(ms: number | null): string {
  return ms === null ? "" : beijingClock(ms).slice(0, 19).replace("T", " ");
}

function stateOf({ play, begin }: FarCall): string {
  return play.state ?? (begin === null ? "notDeal" : "dealing");
}

export type CallState = "Ring" | "Ringing" | "Link" | "Hangup";

export function eventOf(call: FarCall, CallState: CallState, fileServer: string): Record<string, string> {
  const { order, play } = call;
  const isOver = CallState === "Hangup";
  const isWebcall = order.kind === "webcall";
  return {
    CallNo: order.first,
    CalledNo: order.customer,
    CallSheetID: call.sheetId,
    CallID: call.channelId,
    CallType: isWebcall ? "normal" : "dialout",
    Ring: written(call.ring),
    RingingDate: written(call.ringing),
    Begin: written(call.begin),
    End: written(call.end),
    QueueTime: "",
    Agent: isWebcall ? "" : order.first,
    // As one consumer has seen it.
    AgentName: "undefined",
    State: isOver ? stateOf(call) : "",
    CallState,
    ActionID: isWebcall ? "" : order.actionId,
    WebcallActionID: isWebcall ? order.actionId : "",
    RecordFile: isOver && call.begin !== null ? `monitor/${call.sheetId}.wav` : "",
    FileServer: fileServer,
    AccountId: play.wrongAccount ? "N00000000000" : call.account,
  };
}

export function recordOf(call: FarCall, fileServer: string, withActionId: boolean): Record<string, string | number> {
  const { order } = call;
  return {
    _id: call.sheetId,
    CALL_SHEET_ID: call.sheetId,
    CALL_NO: order.first,
    // An exchange's way to dial another town.
    CALLED_NO: `0${order.customer}`,
    OFFERING_TIME: written(call.ring),
    BEGIN_TIME: written(call.begin),
    END_TIME: written(call.end),
    CONNECT_TYPE: order.kind === "webcall" ? "normal" : "dialout",
    STATUS: stateOf(call),
    DISPOSAL_AGENT: order.kind === "webcall" ? "" : order.first,
    RECORD_FILE_NAME: call.begin === null ? "" : `monitor/${call.sheetId}.wav`,
    FILE_SERVER: fileServer,
    CALL_TIME_LENGTH: call.begin === null ? 0 : Math.floor(((call.end ?? 0) - call.begin) / 1_000),
    ...(withActionId && { ACTION_ID: order.actionId }),
  };
}
