/** The provider's requests and answers, typed by the vendor's models, read by schemas of our own. */
import type {
  CreateCallOutSessionRequest,
  DescribeNumbersRequest,
  DescribePSTNActiveSessionListRequest,
  DescribeSessionDetailRequest,
  DescribeTelCdrRequest,
  DescribeTelSessionRequest,
  HangUpCallRequest,
} from "tencentcloud-sdk-nodejs/tencentcloud/services/ccc/v20200210/ccc_models";
import { z } from "zod";
import type { ChannelTools } from "../contract.ts";
import { type Answer, open, send } from "../kit/http.ts";
import { garbled, notFound, refusalOf } from "./codes.ts";
import type { TencentConfig } from "./config.ts";
import { authorization } from "./sign.ts";

interface Actions {
  CreateCallOutSession: CreateCallOutSessionRequest;
  HangUpCall: HangUpCallRequest;
  DescribeTelSession: DescribeTelSessionRequest;
  DescribePSTNActiveSessionList: DescribePSTNActiveSessionListRequest;
  DescribeTelCdr: DescribeTelCdrRequest;
  DescribeSessionDetail: DescribeSessionDetailRequest;
  DescribeNumbers: DescribeNumbersRequest;
}
/** The application is the same in each of them. */
type Asked<Action extends keyof Actions> = Omit<Actions[Action], "SdkAppId">;

/** Unix seconds; a number in one place, text in another; null, "" and 0 where it has not come to that. */
const time = z.union([z.string(), z.number()]).nullish();
const seconds = time.transform((value, context) => {
  const text = String(value ?? "");
  if (/^0*$/.test(text)) return null;
  if (/^\d{9,10}$/.test(text)) return new Date(Number(text) * 1_000);
  context.addIssue({ code: "custom", message: "not Unix seconds" });
  return z.NEVER;
});
const word = z.string().nullish();
const sessionId = z.string().regex(/^[\w-]{1,64}$/);

export const sessionMessage = z.object({
  SessionStatus: z.string(),
  StartTimestamp: seconds,
  RingTimestamp: seconds,
  AcceptTimestamp: seconds,
});
const participant = z.object({
  RingTimestamp: seconds,
  AcceptTimestamp: seconds,
  Sequence: z.number().nullish(),
  EndStatusString: word,
});
/** Pushed, or one of the list. The user's data is `UUI` there and `Uui` here. */
export const cdrMessage = z.object({
  SessionId: sessionId,
  Direction: z.number(),
  StartTimestamp: seconds,
  RingTimestamp: seconds,
  AcceptTimestamp: seconds,
  EndedTimestamp: seconds,
  EndStatus: z.number().nullish(),
  EndStatusString: word,
  ServeParticipants: z.array(participant).nullish(),
  RecordId: word,
  RecordURL: word,
  CustomRecordURL: word,
  UUI: word,
  Uui: word,
});
export const recordMessage = z.object({ SessionId: sessionId, Timestamp: seconds });
export const pushMessage = z.looseObject({ SdkAppId: z.union([z.number(), z.string()]).transform(String).optional() });

const errorAnswer = z.object({ Error: z.object({ Code: z.string().regex(/^[A-Za-z0-9.]{1,100}$/) }) });
export const createAnswer = z.object({ SessionId: sessionId });
export const anyAnswer = z.object({ RequestId: z.string() });
export const sessionAnswer = z.object({ Session: z.looseObject({ SessionStatus: z.string() }) });
export const activeAnswer = z.object({
  Total: z.number().nonnegative().nullish(),
  Sessions: z
    .array(
      z.object({
        SessionID: sessionId,
        Callee: word,
        StaffEmail: word,
        Direction: z.number(),
        StartTimestamp: seconds,
      }),
    )
    .nullish(),
});
export const cdrsAnswer = z.object({
  TotalCount: z.number().nonnegative().nullish(),
  TelCdrList: z.array(z.looseObject({ SessionId: sessionId, UUI: word, Uui: word })).nullish(),
});
const detailAnswer = z.object({ RecordURL: word, CustomRecordURL: word });

export type Wire = ReturnType<typeof openWire>;

export function openWire(config: TencentConfig, tools: ChannelTools) {
  /** One signed request, whatever comes of it. */
  async function ask<Action extends keyof Actions, T>(
    action: Action,
    fields: Asked<Action>,
    form: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const body = Buffer.from(JSON.stringify({ SdkAppId: config.sdkAppId, ...fields }));
    const timestamp = Math.floor(tools.now().getTime() / 1_000);
    const contentType = "application/json";
    const url = `${config.baseUrl.replace(/\/+$/, "")}/`;
    const headers = {
      "content-type": contentType,
      "x-tc-action": action,
      "x-tc-version": "2020-02-10",
      "x-tc-timestamp": String(timestamp),
      authorization: authorization(config, { url, body, contentType, service: "ccc", timestamp }),
    };
    const answer = await send(tools.fetch, { method: "POST", url, headers, body }, signal);
    return formed(form, accepted(answer));
  }

  return {
    ask,
    /** The address carries its own authentication and expires, so it is asked for anew each time. */
    async openRecording(session: string, at: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
      const now = Math.floor(tools.now().getTime() / 1_000);
      const window = { StartTimestamp: at - daySeconds, EndTimestamp: Math.min(now, at + 2 * daySeconds) };
      const detail = await ask("DescribeSessionDetail", { SessionId: session, ...window }, detailAnswer, signal);
      const url = detail.RecordURL || detail.CustomRecordURL || "";
      if (!/^https?:\/\//i.test(url)) throw notFound("no-recording");
      const answer = await open(tools.fetch, { method: "GET", url }, signal);
      if (answer.status === 200) return answer.body;
      await answer.body.cancel();
      throw garbled(`http-${answer.status}`);
    },
  };
}

const daySeconds = 86_400;

/** Errors come with status 200, too. */
function accepted(answer: Answer): unknown {
  const response = parse(answer.text());
  const refused = errorAnswer.safeParse(response);
  if (refused.success) throw refusalOf(refused.data.Error.Code);
  if (answer.status !== 200 || response === undefined) throw garbled(`http-${answer.status}`);
  return response;
}

function parse(text: string): unknown {
  try {
    return z.object({ Response: z.unknown() }).safeParse(JSON.parse(text)).data?.Response;
  } catch {
    return undefined;
  }
}

function formed<T>(form: z.ZodType<T>, value: unknown): T {
  const result = form.safeParse(value);
  if (!result.success) throw garbled("form");
  return result.data;
}
