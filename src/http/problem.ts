/** Every no as one document: RFC 9457, with the requirements' `success` and `message` beside it. */
import type { Context as Request } from "hono";
import { HTTPException } from "hono/http-exception";
import { ZodError } from "zod";
import { DatabaseError, databaseAway } from "../../db/sql.ts";
import { Refusal, type RefusalCode, refusals } from "../domain/refusal.ts";
import { scrub } from "../log.ts";
import type { AppEnv } from "./route.ts";

const fieldsMax = 50;
const fieldNameMax = 128;

type Field = { field: string; message: string };

/** Through the request's context: what a handler has already put beside the answer stays. */
export function problemResponse(c: Request<AppEnv>, error: unknown): Response {
  const { status, headers, body } = problemOf(error, c.get("requestId"));
  return c.body(body, status, headers);
}

export function problemOf(error: unknown, requestId: string) {
  const refusal = toRefusal(error);
  const { status, zh, en } = refusals[refusal.code];
  const { fields, retryAfterSeconds } = refusal;
  const body = {
    ...refusal.more,
    type: `/docs/problems#${refusal.code}`,
    title: en,
    status,
    detail: refusal.message,
    code: refusal.code,
    ...(fields.length === 0 ? {} : { errors: fields }),
    success: false,
    message: `${zh} · ${en}`,
    requestId,
  };
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (retryAfterSeconds !== null) headers["retry-after"] = String(retryAfterSeconds);
  if (refusal.code === "unauthorized") headers["www-authenticate"] = 'Bearer realm="hualu"';
  return { status, headers, body: JSON.stringify(body) };
}

/** Every error in the closed list's words. Of a foreign one nothing passes but that it happened. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof ZodError) return ofFields(error);
  if (error instanceof HTTPException) return ofHttp(error.status);
  if (databaseAway(error) || (error instanceof DatabaseError && error.code === "closed"))
    return new Refusal("unavailable", "The database does not answer. Try again.", { retryAfterSeconds: 1 });
  return new Refusal("internal", "Something went wrong here. The log has it under the request id.");
}

/** What hono and its validators throw by themselves before a handler runs. */
function ofHttp(status: number): Refusal {
  if (status === 400) return new Refusal("malformed", "The body is not valid JSON.");
  if (status === 415) return new Refusal("malformed", "The body must be JSON: Content-Type: application/json.");
  if (status === 413) return new Refusal("too_large", "The body is too large.");
  return new Refusal("internal", "Something went wrong here. The log has it under the request id.");
}

function ofFields(error: ZodError): Refusal {
  const fields = fieldsOf(error).slice(0, fieldsMax);
  return new Refusal("invalid", `Not accepted: ${fields.map(({ field }) => field).join(", ")}`, { fields });
}

const kindOfFault: Partial<Record<ZodError["issues"][number]["code"], string>> = {
  invalid_type: "缺失或类型错误",
  too_small: "过小或过短",
  too_big: "过大或过长",
  invalid_format: "格式错误",
  invalid_value: "不在允许的取值中",
  unrecognized_keys: "未知字段",
};

/** Each fault by the path of its field; never with the value. */
function fieldsOf(error: ZodError): Field[] {
  return error.issues.flatMap((issue): Field[] => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => ({ field: nameOf([...path, key]), message: "未知字段 · unknown field" }));
    // Messages of our own schemas speak both languages already.
    const message = issue.message.includes(" · ")
      ? issue.message
      : `${kindOfFault[issue.code] ?? "无效"} · ${issue.message}`;
    return [{ field: nameOf(path), message }];
  });
}

function nameOf(path: readonly string[]): string {
  // An unknown field is named as it was sent, and may be a number.
  return path.length === 0 ? "body" : path.map(scrub).join(".").slice(0, fieldNameMax);
}

/** A 500 is for people to look at; a 4xx is the asker's business. */
export function isOurFault(code: RefusalCode): boolean {
  return code === "internal" || code === "unavailable";
}
