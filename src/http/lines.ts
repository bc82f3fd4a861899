import { createRoute, z } from "@hono/zod-openapi";
import { archiveLine, createLine, getLine, listLines, updateLine } from "../lines/lines.ts";
import { probeConfig, probeLine } from "../lines/probe.ts";
import type { AppDeps } from "./app.ts";
import { afterCursor, cutPage, done, lineNumber, next, pageQuery } from "./fields.ts";
import { lineChange, lineView, newLine, unsavedLine } from "./line-schema.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";

const tags = ["线路 · Lines"];
const params = z.object({ id: lineNumber });
const saved = z.object({ success: z.literal(true), id: z.int(), line: lineView });
const probed = z
  .object({
    success: z.boolean(),
    latency: z.int().openapi({ description: "毫秒 · milliseconds" }),
    message: z.string(),
  })
  .openapi("LineTest");

export function lineRoutes(app: App, deps: AppDeps): void {
  readLines(app, deps);
  writeLines(app, deps);
  testLines(app, deps);
}

function readLines(app: App, deps: AppDeps): void {
  const { ctx } = deps;

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/calls/lines",
      tags,
      summary: "线路列表 · List lines",
      request: {
        query: z.strictObject({
          ...pageQuery,
          archived: z
            .enum(["true", "false"])
            .default("false")
            .openapi({ description: "含已归档的 · archived ones too" }),
        }),
      },
      responses: {
        200: answer(z.object({ lines: z.array(lineView), next }), "按编号排序 · by id"),
        ...problems(...guardedProblems, "invalid"),
      },
    }),
    async (c) => {
      const { limit, cursor, archived } = c.req.valid("query");
      const after = Number(afterCursor(cursor, /^\d{1,9}$/) ?? 0);
      const page = { limit: limit + 1, after, archived: archived === "true" };
      const cut = cutPage(await listLines(ctx, deps, c.get("principal").tenant, page), limit);
      return c.json({ lines: cut.page, next: cut.next }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/calls/lines/{id}",
      tags,
      summary: "查看线路 · One line",
      request: { params },
      responses: { 200: answer(lineView, "线路 · the line"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => c.json(await getLine(ctx, deps, c.get("principal").tenant, c.req.valid("param").id), 200),
  );
}

function writeLines(app: App, deps: AppDeps): void {
  const { ctx } = deps;

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: "/api/v1/calls/lines",
      tags,
      summary: "添加线路 · Add a line",
      request: { body: jsonBody(newLine) },
      responses: {
        201: answer(saved, "新线路 · the new line"),
        ...problems(...guardedProblems, "malformed", "too_large", "invalid", "conflict"),
      },
    }),
    async (c) => {
      const line = await createLine(ctx, deps, c.get("principal").tenant, c.req.valid("json"));
      return c.json({ success: true as const, id: line.id, line }, 201);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "put",
      path: "/api/v1/calls/lines/{id}",
      tags,
      summary: "修改线路 · Change a line",
      description:
        "缺少的字段（包括 providerConfig 内的密钥）保持不变，null 清除；更换地址（渠道的 addressFields）或账户时须一并重新填写" +
        "密钥。 · Absent fields stay, secrets inside providerConfig too; null clears. Where an address (the channel's " +
        "addressFields) or the account changes, the secrets have to be given again in the same request.",
      request: { params, body: jsonBody(lineChange) },
      responses: {
        200: answer(saved, "修改后的线路 · the line now"),
        ...problems(...guardedProblems, "malformed", "not_found", "too_large", "invalid", "conflict"),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const line = await updateLine(ctx, deps, c.get("principal").tenant, id, c.req.valid("json"));
      return c.json({ success: true as const, id, line }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "delete",
      path: "/api/v1/calls/lines/{id}",
      tags,
      summary: "归档线路 · Archive a line",
      description: "不再用于外呼；记录仍可查看。 · It places no more calls; it can still be looked at.",
      request: { params },
      responses: { 200: answer(done, "已归档 · archived"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => {
      await archiveLine(ctx, deps, c.get("principal").tenant, c.req.valid("param").id);
      return c.json({ success: true as const }, 200);
    },
  );
}

function testLines(app: App, deps: AppDeps): void {
  const { ctx } = deps;

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: "/api/v1/calls/lines/test",
      tags,
      summary: "测试未保存的线路 · Test a line before it is saved",
      description: "只验证连通与凭证，不响任何电话。 · Proves reach and credentials; rings nobody.",
      request: { body: jsonBody(unsavedLine) },
      responses: {
        200: answer(probed, "测试结果 · how the test went"),
        ...problems(...guardedProblems, "malformed", "too_large", "invalid"),
      },
    }),
    async (c) => c.json(await probeConfig(ctx, deps, c.req.valid("json")), 200),
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: "/api/v1/calls/lines/{id}/test",
      tags,
      summary: "测试线路 · Test a line",
      description: "只验证连通与凭证，不响任何电话。 · Proves reach and credentials; rings nobody.",
      request: { params },
      responses: { 200: answer(probed, "测试结果 · how the test went"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => c.json(await probeLine(ctx, deps, c.get("principal").tenant, c.req.valid("param").id), 200),
  );
}
