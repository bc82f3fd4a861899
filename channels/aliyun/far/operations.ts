/** What the far side does when asked, once it knows by whom. */
import { randomUUID } from "node:crypto";
import { type Answer, json } from "../../kit/far/answer.ts";
import { answerPlaced } from "../../kit/far/placed.ts";
import type { Far } from "../../kit/far/side.ts";
import { detailOf, type FarCall, listedOf, startedOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { playOf, type Script } from "./plan.ts";

export type Fields = Record<string, string>;
export type Operation = (instanceId: string, fields: Fields) => Answer | Promise<Answer>;

const pageMax = 100;
const tagsBytesMax = 128;
const phone = /^\d{3,15}$/;

function said(Code: string, HttpStatusCode: number, more: object, status: number): Answer {
  const Message = Code === "OK" ? "" : "refused";
  return json({ RequestId: randomUUID(), Code, HttpStatusCode, Message, Params: [], ...more }, status);
}

const ok = (Data: unknown): Answer => said("OK", 200, { Data }, 200);

/** Most refusals are an answer like any other: 200, and the code in the body. */
export function refuse(code: string, httpStatusCode: number, status = 200): Answer {
  return said(code, httpStatusCode, {}, status);
}

export function openOperations(
  { calls: table, url: origin, now, timers, scriptOf }: Far<FarCall, Script>,
  calls: ReturnType<typeof openCalls>,
): Map<string, Operation> {
  function start(instanceId: string, fields: Fields): Answer | Promise<Answer> {
    const { Caller = "", Callee = "", Broker = "", TimeoutSeconds = "30", Tags = "" } = fields;
    if ([Caller, Callee, Broker].includes("")) return refuse("Parameter.Blank", 400, 400);
    const isFormed = [Caller, Callee, Broker].every((number) => phone.test(number)) && /^\d{1,3}$/.test(TimeoutSeconds);
    if (!isFormed || Buffer.byteLength(Tags) > tagsBytesMax) return refuse("Parameter.Format", 400, 400);
    const play = playOf(Callee, scriptOf(Callee, Tags));
    if (play.answer === "refused") return refuse(play.code ?? "NotExists.Number", 404, play.status ?? 200);
    if (play.answer === "unavailable") return refuse("InternalService.Common", 500, 500);
    const call = calls.start(instanceId, { Caller, Callee, Broker, TimeoutSeconds, Tags }, play);
    return answerPlaced(play, ok(startedOf(call)), Callee, timers);
  }

  function release(instanceId: string, { JobId = "" }: Fields): Answer {
    const call = calls.get(instanceId, JobId);
    if (!call || call.endedAt !== null) return refuse("NotExists.JobId", 404, 404);
    calls.hangUp(call);
    return ok({ ContextId: 1, CallContext: { JobId, InstanceId: instanceId, ChannelContexts: [] }, UserContext: {} });
  }

  function detail(instanceId: string, { ContactId = "" }: Fields): Answer {
    if (ContactId === "") return refuse("Parameter.Blank", 400, 400);
    const call = calls.get(instanceId, ContactId);
    return call?.isFiled ? ok(detailOf(call)) : refuse("NotExists.ContactId", 404);
  }

  function list(instanceId: string, fields: Fields): Answer {
    const [page, size] = [Number(fields.PageNumber), Number(fields.PageSize)];
    if (!(page >= 1) || !(size >= 1) || size > pageMax) return refuse("Parameter.Invalid", 400, 400);
    const [from, to] = [Number(fields.StartTime ?? 0), Number(fields.EndTime ?? now())];
    const found = table.all().filter((call) => {
      const { Callee, Caller } = call.order;
      const fits = (fields.CalledNumber ?? Callee) === Callee && (fields.CallingNumber ?? Caller) === Caller;
      return call.instanceId === instanceId && call.isFiled && fits && call.acceptedAt >= from && call.acceptedAt <= to;
    });
    const List = found.slice((page - 1) * size, page * size).map(listedOf);
    return ok({ List, PageNumber: page, PageSize: size, TotalCount: found.length });
  }

  function notices(instanceId: string, { NotificationKeys = "" }: Fields): Answer {
    const keys: unknown = JSON.parse(NotificationKeys);
    if (!Array.isArray(keys)) return refuse("Parameter.Format", 400, 400);
    const told = keys.flatMap((key) => calls.get(instanceId, String(key)) ?? []).flatMap(({ messages }) => messages);
    const records = told.map((message) => ({
      InstanceId: instanceId,
      NotificationKey: message.contactId,
      NotificationType: message.eventType,
      Content: JSON.stringify(message),
    }));
    return ok(records);
  }

  function recording(instanceId: string, { ContactId = "" }: Fields): Answer {
    const call = calls.get(instanceId, ContactId);
    if (!call?.isFiled || !call.play.recorded) return refuse("NotExists.ContactId", 404, 404);
    const FileUrl = `${origin}/recordings/${ContactId}.wav?Expires=${now() + 3_600_000}&Signature=s1gn`;
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
  return new Map(Object.entries(operations));
}
