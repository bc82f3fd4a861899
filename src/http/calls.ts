import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { controlActions } from "../../channels/contract.ts";
import type { CallContext } from "../calls/context.ts";
import { control } from "../calls/control.ts";
import { phoneField } from "../calls/dial.ts";
import { hangup } from "../calls/hangup.ts";
import type { StatusAnswer, StatusReader } from "../calls/status.ts";
import {
  type CallFilter,
  canNow,
  factsOf,
  listCalls,
  type RecordRow,
  recordOf,
  routeOf,
  viewRecord,
} from "../calls/view.ts";
import { callIdPattern } from "../domain/id.ts";
import { finalStatuses, liveStatuses } from "../domain/record.ts";
import { Refusal } from "../domain/refusal.ts";
import { dialRoutes } from "./dial.ts";
import { done, moment, next, pageQuery, text } from "./fields.ts";
import { type App, type AppEnv, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";
import { callRoute } from "./route-schema.ts";

const tags = ["通话 · Calls"];
const waitSecondsMax = 25;
const callId = z.string().regex(callIdPattern).openapi({ example: "call_20260101_0a1b2c0123456789" });
const params = z.object({ callId });
const record = z.looseObject({ callId: z.string(), status: z.string(), version: z.int() }).openapi("CallRecord");

const statusView = z
  .object({
    callId: z.string(),
    status: z.enum(["calling", "ringing", "connected", "ended"]),
    result: z.enum(["answered", "missed", "rejected", "busy", "failed"]).nullable(),
    answered: z.boolean(),
    duration: z.int().openapi({ description: "秒 · seconds" }),
    startTime: z.string().nullable(),
    endTime: z.string().nullable(),
    version: z.int(),
  })
  .openapi("CallStatus");

const filter = {
  bizId: text(128).optional(),
  userId: text(64).optional(),
  customerId: text(64).optional(),
  orderId: text(64).optional(),
  channel: text(8).optional(),
  lineId: z.coerce.number().int().positive().max(2_147_483_647).optional(),
  status: z.enum([...liveStatuses, ...finalStatuses]).optional(),
  from: moment.optional(),
  to: moment.optional(),
};

export function callRoutes(app: App, calls: CallContext, reader: StatusReader): void {
  dialRoutes(app, calls);
  actRoutes(app, calls);
  readRoutes(app, calls, reader);
  listRoutes(app, calls);
}

type SchemaOf<Routes> = Routes extends OpenAPIHono<AppEnv, infer Schema, string> ? Schema : never;

/** What Hono's typed client knows of the calls' routes: `hc<CallApi>(url)`. */
export type CallApi = OpenAPIHono<
  AppEnv,
  SchemaOf<ReturnType<typeof dialRoutes>> &
    SchemaOf<ReturnType<typeof actRoutes>> &
    SchemaOf<ReturnType<typeof readRoutes>> &
    SchemaOf<ReturnType<typeof listRoutes>>
>;

function actRoutes(app: App, calls: CallContext) {
  return app
    .openapi(
      createRoute({
        ...guarded("call"),
        method: "post",
        path: "/api/v1/calls/hangup",
        tags,
        summary: "挂断 · Hang up",
        description: "已结束的通话返回 200。 · On an ended call this is no error.",
        request: { body: jsonBody(z.strictObject({ callId })) },
        responses: {
          200: answer(z.object({ success: z.literal(true), message: z.string() }), "已请求 · asked, or already over"),
          ...problems(
            ...guardedProblems,
            "malformed",
            "too_large",
            "invalid",
            "not_found",
            "cannot_hang_up",
            "provider_failed",
          ),
        },
      }),
      async (c) => {
        const { already } = await hangup(calls, c.get("principal").tenant, c.req.valid("json").callId);
        const message = already
          ? "通话已结束 · the call was over already"
          : "已请求挂断 · the provider was asked to end it";
        return c.json({ success: true as const, message }, 200);
      },
    )
    .openapi(
      createRoute({
        ...guarded("call"),
        method: "post",
        path: "/api/v1/calls/{callId}/control",
        tags,
        summary: "静音、保持、转接 · Mute, hold, transfer",
        description: "记录中的 can 列出该线路可用的操作。 · The record's `can` lists what its line can do.",
        request: {
          params,
          body: jsonBody(z.strictObject({ action: z.enum(controlActions), to: text(64).optional() })),
        },
        responses: {
          200: answer(done, "已执行 · done"),
          ...problems(
            ...guardedProblems,
            "malformed",
            "too_large",
            "invalid",
            "not_found",
            "unsupported",
            "conflict",
            "provider_failed",
          ),
        },
      }),
      async (c) => {
        await control(calls, c.get("principal").tenant, c.req.valid("param").callId, c.req.valid("json"));
        return c.json({ success: true as const }, 200);
      },
    );
}

/** Whose key may poll. */
export const pollScopes = ["call", "read"] as const;

/** A call's status as it is answered; a Refusal for an unknown call. */
export async function pollOf(reader: StatusReader, ...asked: Parameters<StatusReader["read"]>): Promise<StatusAnswer> {
  const found = await reader.read(...asked);
  if (found === null) throw new Refusal("not_found", "没有这个通话 · no such call");
  return found;
}

function readRoutes(app: App, calls: CallContext, reader: StatusReader) {
  const one = (path: "" | "/events" | "/route", summary: string) => ({
    ...guarded("read"),
    method: "get" as const,
    path: `/api/v1/calls/{callId}${path}` as const,
    tags,
    summary,
    request: { params },
  });
  const refusals = problems(...guardedProblems, "not_found");
  return app
    .openapi(
      createRoute({
        ...guarded(...pollScopes),
        method: "get",
        path: "/api/v1/calls/{callId}/status",
        tags,
        summary: "通话状态 · A call's status",
        description: `wait 与 version 一起使用：记录更新后才回答，最多 ${waitSecondsMax} 秒。 · With wait and version the answer is held until the record changes, ${waitSecondsMax} s at most.`,
        request: {
          params,
          query: z.strictObject({
            wait: z.coerce.number().min(0).max(waitSecondsMax).default(0),
            version: z.coerce.number().int().min(0).max(2_147_483_647).optional(),
          }),
        },
        responses: {
          200: answer(statusView, "状态 · the status"),
          ...problems(...guardedProblems, "not_found", "invalid", "overloaded"),
        },
      }),
      async (c) => {
        const { wait, version } = c.req.valid("query");
        const held =
          wait > 0 && version !== undefined ? { version, seconds: wait, signal: c.req.raw.signal } : undefined;
        const found = await pollOf(reader, c.get("principal").tenant, c.req.valid("param").callId, held);
        return c.json(found as z.infer<typeof statusView>, 200);
      },
    )
    .openapi(
      createRoute({
        ...one("", "通话记录 · The record"),
        responses: { 200: answer(record, "完整记录 · the whole record"), ...refusals },
      }),
      async (c) => {
        const row = await recordOf(calls, c.get("principal").tenant, c.req.valid("param").callId);
        return c.json(viewOf(calls, row, await canNow(calls, row)), 200);
      },
    )
    .openapi(
      createRoute({
        ...one("/events", "通话事实 · The call's facts"),
        responses: {
          200: answer(z.object({ events: z.array(z.looseObject({ kind: z.string() })) }), "按到达顺序 · as they came"),
          ...refusals,
        },
      }),
      async (c) => {
        const events = await factsOf(calls, c.get("principal").tenant, c.req.valid("param").callId);
        return c.json({ events: events as { kind: string }[] }, 200);
      },
    )
    .openapi(
      createRoute({
        ...one("/route", "选路原因 · Why it went where it went"),
        responses: {
          200: answer(callRoute, "每条线路与每次尝试 · every line, every attempt"),
          ...refusals,
        },
      }),
      async (c) => {
        const told = await routeOf(calls, c.get("principal").tenant, c.req.valid("param").callId);
        return c.json(told as z.infer<typeof callRoute>, 200);
      },
    );
}

function viewOf(calls: CallContext, row: RecordRow, can: readonly string[]): z.infer<typeof record> {
  return viewRecord(calls, row, can) as z.infer<typeof record>;
}

function listRoutes(app: App, calls: CallContext) {
  const responses = {
    200: answer(z.object({ calls: z.array(record), next }), "新的在前 · newest first"),
    ...problems(...guardedProblems, "malformed", "too_large", "invalid"),
  };

  async function list(tenant: string, wanted: CallFilter, page: { limit: number; cursor?: string | undefined }) {
    const { rows, next: cursor } = await listCalls(calls, tenant, wanted, {
      limit: page.limit,
      cursor: page.cursor ?? null,
    });
    const views = await Promise.all(rows.map(async (row) => viewOf(calls, row, await canNow(calls, row))));
    return { calls: views, next: cursor };
  }

  return app
    .openapi(
      createRoute({
        ...guarded("read"),
        method: "get",
        path: "/api/v1/calls",
        tags,
        summary: "查询通话 · List calls",
        description: "按号码查询请用 POST /api/v1/calls/search。 · To search by number use POST /api/v1/calls/search.",
        request: { query: z.strictObject({ ...filter, ...pageQuery }) },
        responses,
      }),
      async (c) => {
        const { limit, cursor, from, to, ...rest } = c.req.valid("query");
        return c.json(
          await list(c.get("principal").tenant, { ...rest, ...times({ from, to }) }, { limit, cursor }),
          200,
        );
      },
    )
    .openapi(
      createRoute({
        ...guarded("read"),
        method: "post",
        path: "/api/v1/calls/search",
        tags,
        summary: "按号码查询 · Search by number",
        description: "号码放在请求体中，绝不出现在 URL 里。 · The number stands in the body, never in a URL.",
        request: {
          body: jsonBody(z.strictObject({ ...filter, ...pageQuery, phone: z.string().min(3).max(32).optional() })),
        },
        responses,
      }),
      async (c) => {
        const { limit, cursor, from, to, phone, ...rest } = c.req.valid("json");
        const { tenant } = c.get("principal");
        const phoneIndex =
          phone === undefined ? undefined : calls.seal.index(tenant, "phone", phoneField("phone", phone).reveal());
        return c.json(await list(tenant, { ...rest, ...times({ from, to }), phoneIndex }, { limit, cursor }), 200);
      },
    );
}

function times({ from, to }: { from: string | undefined; to: string | undefined }): Pick<CallFilter, "from" | "to"> {
  return { from: from === undefined ? undefined : new Date(from), to: to === undefined ? undefined : new Date(to) };
}
