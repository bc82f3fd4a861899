/** One call as the far side sees it, and what it tells about it. Times are epoch milliseconds. */
import type { StartCall } from "../wire.ts";
import type { Play } from "./plan.ts";

export interface FarCall {
  readonly instanceId: string;
  readonly jobId: string;
  readonly order: Readonly<StartCall>;
  readonly play: Readonly<Play>;
  readonly acceptedAt: number;
  /** Whether messages and records repeat the call's tags. */
  readonly returnsTags: boolean;
  answeredAtA: number | null;
  answeredAtB: number | null;
  endedAt: number | null;
  /** Of the whole call, once it is over. */
  disposition: string | null;
  reason: string | null;
  /** Its record can be asked for. */
  isFiled: boolean;
  /** Everything that happened, as it is pushed or read back. */
  readonly messages: Message[];
  rangA: boolean;
  rangB: boolean;
}

export type Message = Record<string, string>;

export function newCall(
  start: Pick<FarCall, "instanceId" | "jobId" | "order" | "play" | "acceptedAt" | "returnsTags">,
): FarCall {
  const nothing = { answeredAtA: null, answeredAtB: null, endedAt: null, disposition: null, reason: null };
  return { ...start, ...nothing, isFiled: false, messages: [], rangA: false, rangB: false };
}

/** The call center's number rings a leg's: that is the leg's channel. */
function channelOf({ order, acceptedAt, jobId }: FarCall, leg: "a" | "b" | null): string {
  const rung = leg === null ? [] : [leg === "a" ? order.Caller : order.Callee];
  return ["ch", "user", ...rung, order.Broker, acceptedAt, jobId].join("-");
}

/** Fields in the order of the vendor's example. */
export function messageOf(call: FarCall, eventType: string, leg: "a" | "b" | null, now: number, more: Message = {}) {
  const { order, play, instanceId, jobId } = call;
  return {
    eventType,
    eventTime: new Date(now).toISOString(),
    instanceId: play.wrongInstance ? "another-instance" : instanceId,
    contactId: jobId,
    channelId: channelOf(call, leg),
    callType: "BACK2BACK",
    caller: order.Caller,
    callee: order.Callee,
    broker: order.Broker,
    mediaType: "AUDIO",
    ...(call.returnsTags && { tags: order.Tags }),
    ...more,
  };
}

/** As GetCallDetailRecord gives it; numbers are numbers here. */
export function detailOf(call: FarCall): Record<string, unknown> {
  const { order, endedAt, answeredAtA, acceptedAt } = call;
  return {
    InstanceId: call.instanceId,
    ContactId: call.jobId,
    ContactType: "BACK2BACK",
    ContactDisposition: call.disposition,
    CallingNumber: order.Caller,
    CalledNumber: order.Callee,
    StartTime: acceptedAt,
    ...(answeredAtA !== null && { EstablishedTime: answeredAtA }),
    ReleaseTime: endedAt,
    CallDuration: Math.floor(((endedAt ?? acceptedAt) - acceptedAt) / 1_000),
    RecordingReady: isRecorded(call),
    ReleaseInitiator: call.play.ending === "a-hangs-up" ? "agent" : "customer",
    ReleaseReason: call.reason,
    AgentEvents: [],
    CustomerEvents: [],
    ...(call.returnsTags && { Tags: order.Tags }),
  };
}

/** As ListCallDetailRecordsV2 gives it: durations are strings, reasons written otherwise. */
export function listedOf(call: FarCall): Record<string, unknown> {
  const { AgentEvents: _, CustomerEvents: __, ...detail } = detailOf(call);
  const [code, words = ""] = (call.reason ?? "").split(" - ");
  return {
    ...detail,
    Broker: call.order.Broker,
    CallDuration: String(detail.CallDuration),
    ReleaseReason: code === "200" ? call.reason : `${code}:${words.toUpperCase().replaceAll(" ", "_")}`,
    TalkTime: String(secondsOf(call.answeredAtB, call.endedAt)),
    RecordingDuration: String(isRecorded(call) ? secondsOf(call.answeredAtB, call.endedAt) : 0),
    MediaType: "AUDIO",
  };
}

export function isRecorded({ play, answeredAtB, endedAt }: FarCall): boolean {
  return play.recorded === true && answeredAtB !== null && endedAt !== null;
}

function secondsOf(from: number | null, to: number | null): number {
  return from === null || to === null ? 0 : Math.floor((to - from) / 1_000);
}

/** What the start of a call answers: the call has not been dialed yet. */
export function startedOf(call: FarCall): Record<string, unknown> {
  const { jobId, instanceId, order, acceptedAt } = call;
  const context = { CallType: "BACK2BACK", InstanceId: instanceId, JobId: jobId };
  const channel = {
    ChannelId: channelOf(call, "a"),
    ChannelState: "NONE",
    ChannelFlags: "MONITORING",
    CallType: "BACK2BACK",
    JobId: jobId,
    Originator: order.Broker,
    Destination: order.Caller,
    ReleaseInitiator: "",
    ReleaseReason: "",
    Timestamp: acceptedAt,
  };
  const user = { Extension: "8020", UserState: "OFFLINE", WorkMode: "ON_SITE", JobId: jobId };
  return { CallContext: { ...context, ChannelContexts: [channel] }, UserContext: user };
}
