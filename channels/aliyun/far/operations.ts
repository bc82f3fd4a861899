/** What the far side does when asked, once it knows by whom. */
import { detailOf, type FarCall, listedOf, startedOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { type Play, playOf, type Script } from "./plan.ts";

/** `never`: the request is left without an answer. `lost`: the connection breaks. */
export type Result = { status: number; body: string } | "lost" | "never";
export type Fields = Record<string, string>;
export type Operation = (instanceId: string, fields: Fields) => Result | Promise<Result>;

export interface OperationsOptions {
  calls: ReturnType<typeof openCalls>;
  origin: () => string;
  now: () => number;
  newId: () => string;
  scriptFor(tags: string, customer: string): Script;
}

const pageMax = 100;
const tagsBytesMax = 128;
const phone = /^\d{3,15}$/;

export function openOperations({ calls, origin, now, newId, scriptFor }: OperationsOptions) {
  function said(Code: string, HttpStatusCode: number, more: object, status = HttpStatusCode): Result {
    const envelope = { RequestId: newId(), Code, HttpStatusCode, Message: Code === "OK" ? "" : "refused", Params: [] };
    return { status, body: JSON.stringify({ ...envelope, ...more }) };
  }
  const ok = (Data: unknown): Result => said("OK", 200, { Data });
  /** Most refusals are an answer like any other: 200, and the code in the body. */
  const no = (code: string, httpStatusCode: number, status = 200): Result => said(code, httpStatusCode, {}, status);

  function start(instanceId: string, fields: Fields): Result | Promise<Result> {
    const { Caller = "", Callee = "", Broker = "", TimeoutSeconds = "30", Tags = "" } = fields;
    if ([Caller, Callee, Broker].includes("")) return no("Parameter.Blank", 400, 400);
    const isFormed = [Caller, Callee, Broker].every((number) => phone.test(number)) && /^\d{1,3}$/.test(TimeoutSeconds);
    if (!isFormed || Buffer.byteLength(Tags) > tagsBytesMax) return no("Parameter.Format", 400, 400);
    const play = playOf(Callee, scriptFor(Tags, Callee));
    if (play.answer === "refused") return no(play.code ?? "NotExists.Number", 404, play.status ?? 200);
    if (play.answer === "unavailable") return no("InternalService.Common", 500, 500);
    const call = calls.start(instanceId, { Caller, Callee, Broker, TimeoutSeconds, Tags }, play);
    if (!play.answerAfterMs) return answerOf(call, play);
    return new Promise((resolve) => calls.later(play.answerAfterMs ?? 0, () => resolve(answerOf(call, play))));
  }

  function answerOf(call: FarCall, play: Play): Result {
    if (play.answer === "lost" || play.answer === "never") return play.answer;
    if (play.answer === "garbage") return { status: 200, body: `<html>${call.order.Callee} accepted` };
    return ok(startedOf(call));
  }

  function release(instanceId: string, { JobId = "" }: Fields): Result {
    const call = calls.get(instanceId, JobId);
    if (!call || call.endedAt !== null) return no("NotExists.JobId", 404, 404);
    calls.hangUp(call);
    return ok({ ContextId: 1, CallContext: { JobId, InstanceId: instanceId, ChannelContexts: [] }, UserContext: {} });
  }

  function detail(instanceId: string, { ContactId = "" }: Fields): Result {
    if (ContactId === "") return no("Parameter.Blank", 400, 400);
    const call = calls.get(instanceId, ContactId);
    return call?.isFiled ? ok(detailOf(call)) : no("NotExists.ContactId", 404);
  }

  function list(instanceId: string, fields: Fields): Result {
    const [page, size] = [Number(fields.PageNumber), Number(fields.PageSize)];
    if (!(page >= 1) || !(size >= 1) || size > pageMax) return no("Parameter.Invalid", 400, 400);
    const [from, to] = [Number(fields.StartTime ?? 0), Number(fields.EndTime ?? now())];
    const found = calls.all().filter((call) => {
      const { Callee, Caller } = call.order;
      const fits = (fields.CalledNumber ?? Callee) === Callee && (fields.CallingNumber ?? Caller) === Caller;
      return call.instanceId === instanceId && call.isFiled && fits && call.acceptedAt >= from && call.acceptedAt <= to;
    });
    const List = found.slice((page - 1) * size, page * size).map(listedOf);
    return ok({ List, PageNumber: page, PageSize: size, TotalCount: found.length });
  }

  function notices(instanceId: string, { NotificationKeys = "" }: Fields): Result {
    const keys: unknown = JSON.parse(NotificationKeys);
    if (!Array.isArray(keys)) return no("Parameter.Format", 400, 400);
    const told = keys.flatMap((key) => calls.get(instanceId, String(key)) ?? []).flatMap(({ messages }) => messages);
    const records = told.map((message) => ({
      InstanceId: instanceId,
      NotificationKey: message.contactId,
      NotificationType: message.eventType,
      Content: JSON.stringify(message),
    }));
    return ok(records);
  }

  function recording(instanceId: string, { ContactId = "" }: Fields): Result {
    const call = calls.get(instanceId, ContactId);
    if (!call?.isFiled || !call.play.recorded) return no("NotExists.ContactId", 404, 404);
    const FileUrl = `${origin()}/recordings/${ContactId}.wav?Expires=${now() + 3_600_000}&Signature=s1gn`;
    return ok({ FileName: `${ContactId}.wav`, FileUrl, Duration: 1 });
  }

  const operations: Record<string, Operation> = {
    StartBack2BackCall: start,
    ReleaseCall: release,
    GetCallDetailRecord: detail,
    ListCallDetailRecordsV2: list,
    ListNotificationRecords: notices,
    GetMonoRecording: recording,
    GetInstance: (Id) => ok({ Id, Name: "demo", Status: "RUNNING", DomainName: Id, AdminList: [], NumberList: [] }),
  };
  return {
    refuse: no,
    named: (name: string): Operation | undefined => (Object.hasOwn(operations, name) ? operations[name] : undefined),
  };
}
