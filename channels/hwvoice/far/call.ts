/** One call as the far side sees it, and the pushes that it writes about it. Times are epoch milliseconds. */
import type { ClickToCall } from "../wire.ts";
import type { EndCodes, Play, StatusName } from "./plan.ts";

interface LegTimes {
  callout: number | null;
  alerting: number | null;
  answer: number | null;
}

export interface FarCall {
  readonly appKey: string;
  readonly sessionId: string;
  readonly order: Readonly<ClickToCall>;
  readonly play: Readonly<Play>;
  readonly a: LegTimes;
  readonly b: LegTimes;
  endedAt: number | null;
  codes: EndCodes | null;
}

export function newCall(start: Pick<FarCall, "appKey" | "sessionId" | "order" | "play">): FarCall {
  const none = { callout: null, alerting: null, answer: null };
  return { ...start, a: { ...none }, b: { ...none }, endedAt: null, codes: null };
}

/** `2019-01-24 03:04:24`, in UTC, or as if it were eight hours later. */
function clock(ms: number, hours = 0): string {
  return new Date(ms + hours * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
}

export interface StatusPush {
  eventType: StatusName;
  statusInfo: Record<string, string | number>;
}

export function statusOf(
  call: FarCall,
  name: StatusName,
  leg: "a" | "b" | null,
  now: number,
  clockHours: number,
): StatusPush {
  const { order, sessionId, play, codes } = call;
  const isB = leg === "b";
  const statusInfo: Record<string, string | number> = {
    sessionId,
    timestamp: clock(now, clockHours),
    caller: isB ? order.displayCalleeNbr : order.displayNbr,
    called: isB ? order.calleeNbr : order.callerNbr,
    userData: order.userData,
  };
  if (name === "disconnect") {
    statusInfo.stateCode = play.stateCode ?? codes?.stateCode ?? 0;
    statusInfo.stateDesc = "The call is over.";
  }
  return { eventType: name, statusInfo };
}

/** One of `feeLst`, in the order of the documents. Of what did not happen the time is empty. */
export function feeOf(call: FarCall, origin: string): Record<string, string | number> {
  const { order, a, b, codes, endedAt, play, sessionId } = call;
  const time = (ms: number | null) => (ms === null ? "" : clock(ms));
  const failed = b.answer === null;
  const reason = codes?.q850 ?? 0;
  const recorded = order.recordFlag === "true" && b.answer !== null;
  const name = `${sessionId.split("@")[0]}.wav`;
  return {
    direction: 0,
    spId: "csp_demo",
    appKey: call.appKey,
    icid: `${sessionId}.1`,
    bindNum: order.displayNbr,
    sessionId,
    callerNum: order.displayNbr,
    calleeNum: order.callerNbr,
    fwdDisplayNum: order.displayCalleeNbr,
    fwdDstNum: order.calleeNbr,
    callInTime: time(a.callout ?? endedAt),
    fwdStartTime: time(b.callout),
    fwdAlertingTime: time(b.alerting),
    fwdAnswerTime: time(b.answer),
    callEndTime: time(endedAt),
    fwdUnaswRsn: failed && a.answer !== null ? reason : 0,
    failTime: failed ? time(endedAt) : "",
    ulFailReason: failed ? (codes?.ulFailReason ?? 0) : 0,
    sipStatusCode: 0,
    callOutStartTime: time(a.callout),
    callOutAlertingTime: time(a.alerting),
    callOutAnswerTime: time(a.answer),
    callOutUnaswRsn: a.answer === null ? reason : 0,
    recordFlag: recorded ? 1 : 0,
    recordStartTime: recorded ? time(b.answer) : "",
    recordObjectName: recorded && !play.directRecording ? name : "",
    recordBucketName: recorded ? "sp-demo" : "",
    recordDomain: recorded && !play.directRecording ? "recordings.example.cn" : "",
    recordFileDownloadUrl: recorded && play.directRecording ? `${origin}/sound/${name}` : "",
    ttsPlayTimes: 0,
    ttsTransDuration: 0,
    mptyId: "",
    serviceType: "002",
    hostName: "callenabler-1",
    userData: order.userData,
    ...play.fee,
  };
}
