import { createRoute, z } from "@hono/zod-openapi";
import { makeTicket, ticketSeconds } from "../auth/tickets.ts";
import type { Context } from "../context.ts";
import { moment, text } from "./fields.ts";
import { type App, answer, guarded, guardedProblems, problems } from "./route.ts";

const tags = ["实时 · Live"];
const wanted = z.strictObject({
  userId: text(64).optional().openapi({ description: "只看该用户的通话 · only this user's calls" }),
});

export function ticketRoutes(app: App, ctx: Context): void {
  app.openapi(
    createRoute({
      ...guarded("read", "call"),
      method: "post",
      path: "/api/v1/tickets",
      tags,
      summary: "一次性票据 · A ticket to connect with",
      description:
        `浏览器无法在 WebSocket 与 EventSource 上携带请求头：凭票据连接，${ticketSeconds} 秒内有效，只能使用一次。 · ` +
        `For \`?ticket=\` where a browser can send no header: works once, within ${ticketSeconds} s.`,
      request: { body: { required: false, content: { "application/json": { schema: wanted } } } },
      responses: {
        201: answer(z.object({ success: z.literal(true), ticket: z.string(), expiresAt: moment }), "票据 · the ticket"),
        ...problems(...guardedProblems, "malformed", "too_large", "invalid", "overloaded"),
      },
    }),
    async (c) => {
      const { userId = null } = c.req.valid("json");
      const { ticket, expiresAt } = await makeTicket(ctx, { ...c.get("principal"), userId });
      return c.json({ success: true as const, ticket, expiresAt: expiresAt.toISOString() }, 201);
    },
  );
}
