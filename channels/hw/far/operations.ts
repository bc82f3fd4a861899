/** What the far side does when asked, once it knows by whom. */
import { z } from "zod";
import type { CreateCall } from "../wire.ts";
import { type FarCall, recordOf, stateOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { type Play, playOf, type Script } from "./plan.ts";
import { recordingUrlLife } from "./recording.ts";

/** A body as text, since a serial number is written as a number that no JSON writer could write. */
export type Result = { status: number; body: string } | "lost" | "never";

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

export interface OperationsOptions {
  calls: ReturnType<typeof openCalls>;
  answersAll: boolean;
  /** Where it listens, for the addresses of recordings. */
  origin: () => string;
  now: () => number;
  scriptFor(callData: string, customer: string): Script;
}

export type Operation = (account: string, body: unknown) => Promise<Result> | Result;

export function openOperations({ calls, answersAll, origin, now, scriptFor }: OperationsOptions) {
  const operations: Record<string, Operation> = {
    createCall: (account, body) => {
      const order = createRequest.safeParse(body);
      if (!order.success) return failed("5");
      const request: CreateCall = compact(order.data);
      const play = playOf(request.called, answersAll, scriptFor(request.callData, request.called));
      if (play.answer === "refused") return failed(play.retCode ?? "1");
      if (play.answer === "unavailable") return { status: 500, body: '{"message":"business failure"}' };
      const call = calls.start(account, request, play);
      if (!play.answerAfterMs) return answerOf(call, play);
      return new Promise((resolve) => calls.later(play.answerAfterMs ?? 0, () => resolve(answerOf(call, play))));
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
        const until = now() + recordingUrlLife;
        return succeeded({ url: `${origin()}/recording/${callSerialNo}.wav?Expires=${until}&Signature=s1gn` });
      }),
  };
  return (name: string): Operation | undefined => (Object.hasOwn(operations, name) ? operations[name] : undefined);
}

function answerOf(call: FarCall, play: Play): Result {
  if (play.answer === "lost" || play.answer === "never") return play.answer;
  if (play.answer === "garbage") return { status: 200, body: `<html>${call.order.called} accepted` };
  // As V1 documents it: a number.
  return { status: 200, body: `{"retCode":"0","retMsg":"success","result":{"callSerialNo":${call.callId}}}` };
}

function parsed<T>(form: z.ZodType<T>, body: unknown, code: string, act: (request: T) => Result): Result {
  const result = form.safeParse(body);
  return result.success ? act(result.data) : failed(code);
}

function succeeded(result: unknown): Result {
  return { status: 200, body: JSON.stringify({ retCode: "0", retMsg: "success", result }) };
}

function failed(retCode: string): Result {
  return { status: 200, body: JSON.stringify({ retCode, retMsg: "failed" }) };
}

/** Without the fields that are undefined. */
function compact({ caller, called, callData, ...rest }: z.output<typeof createRequest>): CreateCall {
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  return { caller, called, callData, ...Object.fromEntries(given) };
}
