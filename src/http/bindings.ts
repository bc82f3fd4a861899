import { createRoute, z } from "@hono/zod-openapi";
import { agentIdPattern } from "../lines/agents.ts";
import {
  createBinding,
  deleteBinding,
  getBinding,
  listBindings,
  priorityDefault,
  updateBinding,
} from "../lines/bindings.ts";
import type { AppDeps } from "./app.ts";
import { afterCursor, cutPage, done, moment, next, pageQuery, text } from "./fields.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";

const tags = ["绑定 · Bindings"];
const idForm = /^bind_[a-z0-9]{16}$/;
const agentId = z.string().regex(agentIdPattern);

const bindingView = z
  .object({
    id: z.string(),
    userId: z.string(),
    agentId: z.string().nullable(),
    channel: z.string().nullable(),
    lineId: z.int().nullable(),
    priority: z.int().openapi({ description: "小者优先 · the lowest is tried first" }),
    privacy: z.boolean().nullable().openapi({ description: "null：按租户设置 · null: as the tenant's setting says" }),
    created: moment,
    updated: moment,
  })
  .openapi("Binding");

const fields = {
  agentId: agentId.nullish(),
  channel: z
    .string()
    .regex(/^[a-z0-9]{1,8}$/)
    .nullish(),
  lineId: z.int().min(1).max(999_999_999).nullish(),
  priority: z
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .openapi({ description: `默认 ${priorityDefault} · default` }),
  privacy: z.boolean().nullish(),
};
const newBinding = z.strictObject({ userId: text(64), ...fields });
const bindingChange = z.strictObject({ userId: text(64).optional(), ...fields });
const saved = z.object({ success: z.literal(true), id: z.string(), binding: bindingView });
const params = z.object({ id: z.string().regex(idForm) });

export function bindingRoutes(app: App, deps: AppDeps): void {
  readBindings(app, deps);
  writeBindings(app, deps);
}

function readBindings(app: App, { ctx }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/bindings",
      tags,
      summary: "绑定列表 · List bindings",
      request: {
        query: z.strictObject({ ...pageQuery, userId: text(64).optional(), agentId: agentId.optional() }),
      },
      responses: {
        200: answer(z.object({ bindings: z.array(bindingView), next }), "按编号排序 · by id"),
        ...problems(...guardedProblems, "invalid"),
      },
    }),
    async (c) => {
      const { limit, cursor, userId = null, agentId = null } = c.req.valid("query");
      const page = { limit: limit + 1, after: afterCursor(cursor, idForm) ?? "", userId, agentId };
      const cut = cutPage(await listBindings(ctx, c.get("principal").tenant, page), limit);
      return c.json({ bindings: cut.page, next: cut.next }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/bindings/{id}",
      tags,
      summary: "查看绑定 · One binding",
      request: { params },
      responses: { 200: answer(bindingView, "绑定 · the binding"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => c.json(await getBinding(ctx, c.get("principal").tenant, c.req.valid("param").id), 200),
  );
}

function writeBindings(app: App, { ctx, loadChannel }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: "/api/v1/bindings",
      tags,
      summary: "添加绑定 · Add a binding",
      description: "agentId、channel、lineId 至少填一项。 · At least one of agentId, channel and lineId.",
      request: { body: jsonBody(newBinding) },
      responses: {
        201: answer(saved, "新绑定 · the new binding"),
        ...problems(...guardedProblems, "malformed", "too_large", "invalid", "conflict"),
      },
    }),
    async (c) => {
      const binding = await createBinding(ctx, loadChannel, c.get("principal").tenant, c.req.valid("json"));
      return c.json({ success: true as const, id: binding.id, binding }, 201);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "put",
      path: "/api/v1/bindings/{id}",
      tags,
      summary: "修改绑定 · Change a binding",
      description: "缺少的字段保持不变，null 清除。 · Absent fields stay, null clears.",
      request: { params, body: jsonBody(bindingChange) },
      responses: {
        200: answer(saved, "修改后的绑定 · the binding now"),
        ...problems(...guardedProblems, "malformed", "not_found", "too_large", "invalid", "conflict"),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const binding = await updateBinding(ctx, loadChannel, c.get("principal").tenant, id, c.req.valid("json"));
      return c.json({ success: true as const, id, binding }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "delete",
      path: "/api/v1/bindings/{id}",
      tags,
      summary: "删除绑定 · Delete a binding",
      request: { params },
      responses: { 200: answer(done, "已删除 · deleted"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => {
      await deleteBinding(ctx, c.get("principal").tenant, c.req.valid("param").id);
      return c.json({ success: true as const }, 200);
    },
  );
}
