/** One call as the far side sees it, and what it tells of it. Times are epoch milliseconds inside, seconds outside. */
import type {
  CreateCallOutSessionRequest,
  PSTNSession,
  PSTNSessionInfo,
  ServeParticipant,
  TelCdrInfo,
} from "tencentcloud-sdk-nodejs/tencentcloud/services/ccc/v20200210/ccc_models";
import type { End, Play } from "./plan.ts";

interface LegTimes {
  rangAt: number | null;
  answeredAt: number | null;
}

export interface FarCall {
  /** With dashes, as CreateCallOutSession gives it; sessions repeat it so, records and pushes without. */
  readonly sessionId: string;
  readonly order: Readonly<CreateCallOutSessionRequest>;
  readonly play: Readonly<Play>;
  readonly acceptedAt: number;
  /** Where the console had pushes go when it began; null for nowhere. */
  readonly pushUrl: string | null;
  readonly a: LegTimes;
  readonly b: LegTimes;
  endedAt: number | null;
  end: End | null;
}

type Begun = Pick<FarCall, "sessionId" | "order" | "play" | "acceptedAt" | "pushUrl">;

export function newCall(begun: Begun): FarCall {
  const none = { rangAt: null, answeredAt: null };
  return { ...begun, a: { ...none }, b: { ...none }, endedAt: null, end: null };
}

const platformNumber = "0086075500000001";

function stamp(at: number | null): number {
  return at === null ? 0 : Math.floor(at / 1_000);
}

export function plain(sessionId: string): string {
  return sessionId.replaceAll("-", "");
}

function statusOf({ a, b, endedAt }: FarCall): string {
  if (endedAt !== null) return "finished";
  if (b.answeredAt !== null) return "inProgress";
  return a.answeredAt === null ? "seatJoining" : "ringing";
}

/** Its times are the customer's. */
export function sessionOf(call: FarCall): PSTNSession {
  const { order, b } = call;
  return {
    SessionID: call.sessionId,
    RoomID: "4711",
    Caller: order.Callers?.[0] ?? platformNumber,
    Callee: order.Callee,
    StartTimestamp: stamp(call.acceptedAt),
    RingTimestamp: stamp(b.rangAt),
    AcceptTimestamp: stamp(b.answeredAt),
    StaffEmail: order.UserId,
    StaffNumber: "1007",
    SessionStatus: statusOf(call),
    Direction: 1,
  };
}

/** In the list two of the times are text. */
export function listedOf(call: FarCall): PSTNSessionInfo {
  const { StartTimestamp, AcceptTimestamp, ...rest } = sessionOf(call);
  return { ...rest, StartTimestamp: String(StartTimestamp), AcceptTimestamp: String(AcceptTimestamp) };
}

function agentPart({ order, acceptedAt, a, endedAt, end }: FarCall): ServeParticipant {
  return {
    Mail: order.UserId,
    Type: "staffPhoneSeat",
    Sequence: 0,
    StartTimestamp: stamp(acceptedAt),
    RingTimestamp: stamp(a.rangAt),
    AcceptTimestamp: stamp(a.answeredAt),
    EndedTimestamp: stamp(endedAt),
    EndStatusString: end?.agent ?? "",
  };
}

const endNumbers: Record<string, number> = {
  ok: 1,
  seatGiveUp: 17,
  restrictedArea: 110,
  notAnswer: 202,
  userReject: 203,
  numberNotExist: 205,
  busy: 206,
  callerCancel: 209,
  numberInvalid: 215,
  callerCancelWhileRing: 220,
};

/** What the list and the push have in common. */
function recordOf(call: FarCall) {
  const { order, b, endedAt, end, sessionId, acceptedAt } = call;
  return {
    SessionId: plain(sessionId),
    Caller: order.Callers?.[0] ?? platformNumber,
    Callee: order.Callee,
    Direction: 1,
    CallType: 1,
    Duration: b.answeredAt === null ? 0 : stamp(endedAt) - stamp(b.answeredAt),
    StartTimestamp: stamp(acceptedAt),
    RingTimestamp: stamp(b.rangAt),
    AcceptTimestamp: stamp(b.answeredAt),
    EndedTimestamp: stamp(endedAt),
    QueuedTimestamp: 0,
    EndStatusString: end?.whole ?? "",
    HungUpSide: end?.side ?? "",
    SeatUser: { Mail: order.UserId, Name: "A", StaffNumber: "1007" },
    ServeParticipants: [agentPart(call)],
  };
}

/** One of `TelCdrList`. */
export function cdrOf(call: FarCall, recordUrl: string | null): TelCdrInfo {
  return {
    ...recordOf(call),
    EndStatus: endNumbers[call.end?.whole ?? ""] ?? 0,
    UUI: call.order.UUI ?? "",
    RecordURL: recordUrl ?? "",
    AsrStatus: "NotExists",
  };
}

/** The push gives the end as a word alone, and spells the user's data in its own way. */
export function cdrPush(call: FarCall): Record<string, unknown> {
  return { SdkAppId: call.order.SdkAppId, ...recordOf(call), Uui: call.order.UUI ?? "" };
}

/** One for each who took part. */
export function recordPushes(call: FarCall, recordUrl: string): Record<string, unknown>[] {
  const { order, sessionId, endedAt } = call;
  return [order.UserId, order.Callee].map((EndpointUser, index) => ({
    SdkAppId: order.SdkAppId,
    RecordId: `${stamp(endedAt)}${index}`,
    SessionId: plain(sessionId),
    Timestamp: stamp(endedAt),
    EndpointUser,
    RecordURL: recordUrl,
  }));
}

/** Asked for in either spelling. */
export function isSession(call: FarCall, sessionId: string): boolean {
  return plain(call.sessionId) === plain(sessionId);
}
