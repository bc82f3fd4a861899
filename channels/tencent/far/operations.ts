/** What the far side does when asked, once it knows by whom. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { type Answer, json } from "../../kit/far/answer.ts";
import { answerPlaced } from "../../kit/far/placed.ts";
import type { Far } from "../../kit/far/side.ts";
import { cdrOf, type FarCall, listedOf, sessionOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { playOf, type Script } from "./plan.ts";

/** The content of `Response`, or an error's code. */
export type Result = { content: object } | { code: string };

const phone = z.string().regex(/^0086\d{3,12}$/);
const app = { SdkAppId: z.int().positive() };
const ofSession = z.strictObject({ ...app, SessionId: z.string() });
const forms = {
  CreateCallOutSession: z.strictObject({
    ...app,
    UserId: z.string(),
    Callee: phone,
    Callers: z.array(phone).optional(),
    IsForceUseMobile: z.literal(true),
    UUI: z.string().max(1_024).optional(),
  }),
  HangUpCall: ofSession,
  DescribeTelSession: ofSession,
  DescribePSTNActiveSessionList: z.strictObject({ ...app, Offset: z.int().min(0), Limit: z.int().min(1).max(25) }),
  DescribeTelCdr: z.strictObject({
    ...app,
    StartTimeStamp: z.int(),
    EndTimeStamp: z.int(),
    PageSize: z.int().min(1).max(100),
    PageNumber: z.int().min(0),
    Phones: z.array(phone).optional(),
    SessionIds: z.array(z.string()).optional(),
  }),
  DescribeSessionDetail: z.strictObject({
    ...app,
    SessionId: z.string(),
    StartTimestamp: z.int(),
    EndTimestamp: z.int(),
  }),
  DescribeNumbers: z.strictObject({ ...app, PageNumber: z.int().min(0), PageSize: z.int().min(1).optional() }),
};

const daySeconds = 86_400;
const windowMaxSeconds = 90 * daySeconds;
const reachMaxSeconds = 180 * daySeconds;

export interface OperationsOptions {
  apps: ReadonlySet<number>;
  answersAll: boolean;
  /** Whether DescribeTelSession still knows a session that is over. */
  keepsFinished: boolean;
  recordUrlOf(call: FarCall): string | null;
  pushUrl: () => string | null;
}

export function openOperations(
  { now, timers, scriptOf }: Far<FarCall, Script>,
  calls: ReturnType<typeof openCalls>,
  options: OperationsOptions,
) {
  const secondsNow = () => Math.floor(now() / 1_000);

  function onCall(appId: number, sessionId: string, act: (call: FarCall) => Result): Result {
    const call = calls.get(appId, sessionId);
    return call === undefined ? { code: "FailedOperation.SessionNotExists" } : act(call);
  }

  function isWindow(from: number, to: number): boolean {
    return to >= from && to - from < windowMaxSeconds && from >= secondsNow() - reachMaxSeconds;
  }

  function place(order: z.output<typeof forms.CreateCallOutSession>): Result | Promise<Answer> {
    const { Callers, UUI, ...rest } = order;
    const request = { ...rest, ...(Callers && { Callers }), ...(UUI !== undefined && { UUI }) };
    if (!/^[^@\s]+@[^@\s]+$/.test(order.UserId)) return { code: "InvalidParameterValue.AccountNotExist" };
    const play = playOf(order.Callee, options.answersAll, scriptOf(order.Callee, UUI ?? ""));
    if (play.answer === "refused") return { code: play.code ?? "FailedOperation.NoCallOutNumber" };
    if (play.answer === "unavailable") return { code: play.code ?? "InternalError" };
    if (calls.isBusy(order.UserId)) return { code: "FailedOperation.SeatStatusBusy" };
    const { sessionId } = calls.start(request, play, options.pushUrl());
    const yes = said({ content: { SessionId: sessionId } });
    return Promise.resolve(answerPlaced(play, yes, order.Callee, timers));
  }

  /** What is not of an action's form is refused before anything else; an application of somebody else, too. */
  function on<T extends { SdkAppId: number }>(form: z.ZodType<T>, act: (asked: T) => Result | Promise<Answer>) {
    return async (body: unknown): Promise<Answer> => {
      const asked = form.safeParse(body);
      if (!asked.success) return said({ code: "InvalidParameter" });
      if (!options.apps.has(asked.data.SdkAppId)) return said({ code: "InvalidParameter.InstanceNotExist" });
      const result = act(asked.data);
      return result instanceof Promise ? result : said(result);
    };
  }

  const operations: Record<string, (body: unknown) => Promise<Answer>> = {
    CreateCallOutSession: on(forms.CreateCallOutSession, place),
    HangUpCall: on(forms.HangUpCall, ({ SdkAppId, SessionId }) =>
      onCall(SdkAppId, SessionId, (call) => {
        if (call.endedAt !== null) return { code: "FailedOperation.SessionNotInControlState" };
        calls.hangUp(call);
        return { content: {} };
      }),
    ),
    DescribeTelSession: on(forms.DescribeTelSession, ({ SdkAppId, SessionId }) =>
      onCall(SdkAppId, SessionId, (call) => {
        const isKnown = call.endedAt === null || options.keepsFinished;
        return isKnown ? { content: { Session: sessionOf(call) } } : { code: "FailedOperation.SessionNotExists" };
      }),
    ),
    DescribePSTNActiveSessionList: on(forms.DescribePSTNActiveSessionList, ({ SdkAppId, Offset, Limit }) => {
      const active = calls.active(SdkAppId);
      return { content: { Total: active.length, Sessions: active.slice(Offset, Offset + Limit).map(listedOf) } };
    }),
    DescribeTelCdr: on(forms.DescribeTelCdr, (asked) => {
      const { SdkAppId, StartTimeStamp: from, EndTimeStamp: to, PageSize, PageNumber } = asked;
      if (!isWindow(from, to)) return { code: "InvalidParameterValue" };
      const { Phones: phones = [], SessionIds: sessionIds = [] } = asked;
      const found = calls.records({ appId: SdkAppId, from, to, phones, sessionIds });
      const page = found.slice(PageNumber * PageSize, (PageNumber + 1) * PageSize);
      const TelCdrList = page.map((call) => cdrOf(call, options.recordUrlOf(call)));
      return { content: { TotalCount: found.length, TelCdrs: [], TelCdrList } };
    }),
    DescribeSessionDetail: on(forms.DescribeSessionDetail, ({ SdkAppId, SessionId, ...window }) =>
      onCall(SdkAppId, SessionId, (call) => {
        const { StartTimestamp: from, EndTimestamp: to } = window;
        const at = call.acceptedAt / 1_000;
        if (!isWindow(from, to)) return { code: "InvalidParameterValue" };
        if (call.endedAt === null || at < from || at > to + 1) return { code: "FailedOperation.SessionNotExists" };
        return { content: { RecordURL: options.recordUrlOf(call) ?? "", CustomRecordURL: "" } };
      }),
    ),
    DescribeNumbers: on(forms.DescribeNumbers, () => ({
      content: { TotalCount: 1, Numbers: [{ Number: "0086075500000001", CallOutSkillGroupIds: [], State: 1 }] },
    })),
  };

  return async (action: string, body: unknown): Promise<Answer> =>
    (Object.hasOwn(operations, action) ? operations[action]?.(body) : undefined) ?? said({ code: "InvalidAction" });
}

/** Errors, too, come with status 200. */
export function said(result: Result): Answer {
  const content = "code" in result ? { Error: { Code: result.code, Message: "see the code" } } : result.content;
  return json({ Response: { ...content, RequestId: randomUUID() } });
}
