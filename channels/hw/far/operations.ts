/** What the far side does when asked, once it knows by whom. */
import { z } from "zod";
import { type Answer, json } from "../../kit/far/answer.ts";
import { answerPlaced } from "../../kit/far/placed.ts";
import type { Far } from "../../kit/far/side.ts";
import type { CreateCall } from "../wire.ts";
import { type FarCall, recordOf, stateOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { playOf, type Script } from "./plan.ts";

const number = z.string().regex(/^\d{3,32}$/);
/** The tenant's access code, or 11 to 14 digits. */
const shownNumber = z.string().regex(/^\d{4,14}$/);
const createRequest = z.strictObject({
  caller: number,
  called: number,
  agentWorkNo: z.int().min(0).max(99_999).optional(),
  callData: z.string().max(1_024),
  callerPresent: shownNumber.optional(),
  agentPresent: shownNumber.optional(),
  callBackUrl: z.base64().optional(),
});
const serialRequest = z.strictObject({ callSerialNo: z.string() });
const stamp = z.string().regex(/^\d{13}$/);
const count = z.string().regex(/^\d{1,9}$/);
const listRequest = z.strictObject({
  startTime: stamp,
  endTime: stamp,
  offset: count.default("0"),
  limit: count.default("100"),
  caller: z.string().max(32).optional(),
  taskType: z.enum(["0", "1", "2", "3", "4"]).optional(),
});
const weekMs = 7 * 86_400_000;
const pageMax = 100;

/** A recording's address holds for five minutes. */
const recordingUrlMs = 300_000;

export type Operation = (account: string, body: unknown) => Promise<Answer> | Answer;

export function openOperations(
  { url: origin, now, timers, scriptOf }: Far<FarCall, Script>,
  calls: ReturnType<typeof openCalls>,
  answersAll: boolean,
): Map<string, Operation> {
  const operations: Record<string, Operation> = {
    createCall: (account, body) => {
      const order = createRequest.safeParse(body);
      if (!order.success) return failed("5");
      const request: CreateCall = compact(order.data);
      const play = playOf(request.called, answersAll, scriptOf(request.called, request.callData));
      if (play.answer === "refused") return failed(play.retCode ?? "1");
      if (play.answer === "unavailable") return json({ message: "business failure" }, 500);
      const { callId } = calls.start(account, request, play);
      // As V1 documents it: a number, and more than a JSON writer could write.
      const yes = { status: 200, body: `{"retCode":"0","retMsg":"success","result":{"callSerialNo":${callId}}}` };
      return answerPlaced(play, yes, request.called, timers);
    },
    queryCallState: (account, body) =>
      parsed(serialRequest, body, "3", ({ callSerialNo }) => {
        const call = calls.get(account, callSerialNo);
        call?.askedAt.push(now());
        if (call) return succeeded(stateOf(call));
        return failed(/^\d{1,50}$/.test(callSerialNo) ? "1" : "3");
      }),
    queryCallDetailRecord: (account, body) =>
      parsed(listRequest, body, "2", ({ startTime, endTime, offset, limit, caller }) => {
        const [from, to] = [Number(startTime), Number(endTime)];
        if (to < from || to - from > weekMs) return failed("2");
        if (Number(limit) < 1 || Number(limit) > pageMax) return failed("4");
        const window = { account, from, to, offset: Number(offset), limit: Number(limit), caller };
        const { total, page } = calls.records(window);
        return total === 0 ? failed("1") : succeeded({ total, callInfo: page.map(recordOf) });
      }),
    getRecordingAddress: (account, body) =>
      parsed(serialRequest, body, "12", ({ callSerialNo }) => {
        const call = calls.get(account, callSerialNo);
        if (call?.endedAt == null || call.b.answeredAt === null) return failed("5");
        const until = now() + recordingUrlMs;
        return succeeded({ url: `${origin}/recording/${callSerialNo}.wav?Expires=${until}&Signature=s1gn` });
      }),
  };
  return new Map(Object.entries(operations));
}

function parsed<T>(form: z.ZodType<T>, body: unknown, code: string, act: (request: T) => Answer): Answer {
  const result = form.safeParse(body);
  return result.success ? act(result.data) : failed(code);
}

function succeeded(result: unknown): Answer {
  return json({ retCode: "0", retMsg: "success", result });
}

function failed(retCode: string): Answer {
  return json({ retCode, retMsg: "failed" });
}

/** Without the fields that are undefined. */
function compact({ caller, called, callData, ...rest }: z.output<typeof createRequest>): CreateCall {
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  return { caller, called, callData, ...Object.fromEntries(given) };
}
