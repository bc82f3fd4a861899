import { createRoute, z } from "@hono/zod-openapi";
import {
  agentIdPattern,
  createAgent,
  deleteAgent,
  getAgent,
  listAgents,
  seatsMax,
  updateAgent,
} from "../lines/agents.ts";
import type { AppDeps } from "./app.ts";
import { afterCursor, cutPage, done, moment, next, pageQuery, phoneNumber, text } from "./fields.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";

const tags = ["坐席 · Agents"];
const agentId = z.string().regex(agentIdPattern);
const channelName = z.string().regex(/^[a-z0-9]{1,8}$/);

const agentView = z
  .object({
    id: z.string(),
    name: z.string(),
    phone: z.string().nullable().openapi({ description: "掩码 · masked", example: "139****5678" }),
    seats: z.record(z.string(), z.string()).openapi({
      description: "各渠道的坐席号，只显示末两位 · ids at providers by channel, all but the last two hidden",
      example: { hw: "**01" },
    }),
    created: moment,
    updated: moment,
  })
  .openapi("Agent");

const fields = {
  phone: phoneNumber.nullish(),
  seats: z
    .record(channelName, text(128).nullable())
    .refine((seats) => Object.keys(seats).length <= seatsMax, `最多 ${seatsMax} 个 · at most ${seatsMax}`)
    .nullish(),
};
const newAgent = z.strictObject({ id: agentId.optional(), name: text(100), ...fields });
const agentChange = z.strictObject({ name: text(100).optional(), ...fields });
const saved = z.object({ success: z.literal(true), id: z.string(), agent: agentView });
const params = z.object({ id: agentId });

export function agentRoutes(app: App, deps: AppDeps): void {
  readAgents(app, deps);
  writeAgents(app, deps);
}

function readAgents(app: App, { ctx }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/agents",
      tags,
      summary: "坐席列表 · List agents",
      request: { query: z.strictObject(pageQuery) },
      responses: {
        200: answer(z.object({ agents: z.array(agentView), next }), "按编号排序 · by id"),
        ...problems(...guardedProblems, "invalid"),
      },
    }),
    async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const after = afterCursor(cursor, agentIdPattern) ?? "";
      const cut = cutPage(await listAgents(ctx, c.get("principal").tenant, { limit: limit + 1, after }), limit);
      return c.json({ agents: cut.page, next: cut.next }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/agents/{id}",
      tags,
      summary: "查看坐席 · One agent",
      request: { params },
      responses: { 200: answer(agentView, "坐席 · the agent"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => c.json(await getAgent(ctx, c.get("principal").tenant, c.req.valid("param").id), 200),
  );
}

function writeAgents(app: App, { ctx }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: "/api/v1/agents",
      tags,
      summary: "添加坐席 · Add an agent",
      description: "不填 id 时自动生成。 · Without an id one is made.",
      request: { body: jsonBody(newAgent) },
      responses: {
        201: answer(saved, "新坐席 · the new agent"),
        ...problems(...guardedProblems, "malformed", "too_large", "invalid", "conflict"),
      },
    }),
    async (c) => {
      const agent = await createAgent(ctx, c.get("principal").tenant, c.req.valid("json"));
      return c.json({ success: true as const, id: agent.id, agent }, 201);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "put",
      path: "/api/v1/agents/{id}",
      tags,
      summary: "修改坐席 · Change an agent",
      description:
        "缺少的字段保持不变，null 清除；seats 只改列出的渠道。 · " +
        "Absent fields stay, null clears; of the seats only the named channels change.",
      request: { params, body: jsonBody(agentChange) },
      responses: {
        200: answer(saved, "修改后的坐席 · the agent now"),
        ...problems(...guardedProblems, "malformed", "not_found", "too_large", "invalid"),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const agent = await updateAgent(ctx, c.get("principal").tenant, id, c.req.valid("json"));
      return c.json({ success: true as const, id, agent }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "delete",
      path: "/api/v1/agents/{id}",
      tags,
      summary: "删除坐席 · Delete an agent",
      description: "仍有绑定时拒绝。 · Refused while a binding names it.",
      request: { params },
      responses: { 200: answer(done, "已删除 · deleted"), ...problems(...guardedProblems, "not_found", "conflict") },
    }),
    async (c) => {
      await deleteAgent(ctx, c.get("principal").tenant, c.req.valid("param").id);
      return c.json({ success: true as const }, 200);
    },
  );
}
