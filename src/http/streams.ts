import { createRoute, z } from "@hono/zod-openapi";
import type { MiddlewareHandler, Context as Request } from "hono";
import { ticketPattern, useTicket } from "../auth/tickets.ts";
import type { Context } from "../context.ts";
import { Refusal } from "../domain/refusal.ts";
import { frameTypes } from "../streams/frame.ts";
import type { Hub } from "../streams/hub.ts";
import type { Sink } from "../streams/listener.ts";
import { eventSink, fullBytes, type SocketSide, socketSink } from "../streams/socket.ts";
import { type App, type GuardedEnv, guarded, guardedProblems, problems } from "./route.ts";

const tags = ["实时 · Live"];
const cursorMax = 256;
const endSeconds = 5;
const anyOf = ["read", "call"] as const;

/** Behind a ticket or a key: the user whose calls alone are shown, none or null for the tenant's. */
interface StreamEnv {
  Bindings: GuardedEnv["Bindings"];
  Variables: GuardedEnv["Variables"] & { userId?: string | null };
}

const query = z.object({
  ticket: z.string().regex(ticketPattern).optional().openapi({ description: "POST /api/v1/tickets 给出的票据" }),
  after: z.string().max(cursorMax).optional().openapi({ description: "最后一条消息的 cursor · the last one seen" }),
});

const message = z
  .object({
    type: z.enum(frameTypes),
    messageId: z.string().openapi({ description: "重发时不变 · the same when told again" }),
    timestamp: z.int().openapi({ description: "毫秒 · epoch milliseconds" }),
    data: z.looseObject({ cursor: z.string(), callId: z.string().optional(), version: z.int().optional() }),
  })
  .openapi("StreamMessage");

const description =
  "断线后用 `after` 续传，不丢不重；`RESET` 表示游标过旧，须重新查询。 · After a cut resume with `after`: nothing is " +
  "missed, nothing comes twice. `RESET`: the cursor is too old, look at the list anew.";

export function streamRoutes(app: App, ctx: Context, hub: Hub): void {
  const security = guarded(...anyOf).security;
  const middleware = ticketOrKey(ctx);
  app.openapi(
    createRoute({
      middleware,
      security,
      method: "get",
      path: "/ws/desk",
      tags,
      summary: "工作台实时消息（WebSocket）· Live messages for desks",
      description: `${description} 关闭码 · close codes: 1001, 4401, 4408.`,
      request: { query },
      responses: {
        101: { description: "升级为 WebSocket，每条消息为 StreamMessage · upgraded; each message is a StreamMessage" },
        ...problems(...guardedProblems, "malformed", "invalid", "overloaded"),
      },
    }),
    (c) => upgrade(c, hub, c.req.valid("query").after ?? null),
  );
  app.openapi(
    createRoute({
      middleware,
      security,
      method: "get",
      path: "/api/v1/events/stream",
      tags,
      summary: "实时消息（SSE）· Live messages as server-sent events",
      description: `${description} \`Last-Event-ID\` 优先于 · wins over \`after\`.`,
      request: { query, headers: z.object({ "last-event-id": z.string().max(cursorMax).optional() }) },
      responses: {
        200: { description: "消息流 · the messages", content: { "text/event-stream": { schema: message } } },
        ...problems(...guardedProblems, "invalid", "overloaded"),
      },
    }),
    (c) => stream(c, hub, c.req.valid("header")["last-event-id"] ?? c.req.valid("query").after ?? null),
  );
}

/** Browsers can put no header on these requests: a ticket stands in for the key. */
function ticketOrKey(ctx: Context): MiddlewareHandler<StreamEnv> {
  const byKey = guarded(...anyOf).middleware;
  return async (c, next) => {
    const ticket = c.req.query("ticket");
    if (ticket === undefined) return byKey(c, next);
    const bearer = await useTicket(ctx, ticket);
    if (bearer === null)
      throw new Refusal("unauthorized", "票据无效、已用过或已过期 · not a ticket that can still be used");
    c.set("principal", bearer);
    c.set("userId", bearer.userId);
    return next();
  };
}

function upgrade(c: Request<StreamEnv>, hub: Hub, after: string | null): Response {
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket" || c.env.upgrade === undefined)
    throw new Refusal("malformed", "此地址使用 WebSocket · this address speaks WebSocket");
  const listener = hub.listen({ ...c.get("principal"), userId: c.get("userId") ?? null }, "ws", after);
  const side: SocketSide = {
    opened: (socket) => listener.attach(socketSink(socket)),
    // A desk has nothing to say here.
    message: () => {},
    drained: listener.drained,
    closed: listener.left,
  };
  if (c.env.upgrade(side)) return new Response(null);
  listener.left();
  throw new Refusal("malformed", "WebSocket 握手失败 · not a WebSocket handshake");
}

function stream(c: Request<StreamEnv>, hub: Hub, after: string | null): Response {
  const headers = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // Proxies that collect an answer before they pass it on would hold a stream for ever.
    "x-accel-buffering": "no",
  };
  // Nobody reads the body of an answer to HEAD, so nobody would ever leave.
  if (c.req.method === "HEAD") return new Response(null, { headers });
  const listener = hub.listen({ ...c.get("principal"), userId: c.get("userId") ?? null }, "sse", after);
  c.env.patience?.(0);
  c.req.raw.signal.addEventListener("abort", listener.left, { once: true });
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const sink = eventSink(controller);
        const end: Sink["end"] = (reason) => {
          sink.end(reason);
          // Who does not read would never see the end, and hold the connection, and a stop, for ever.
          c.env.patience?.(endSeconds);
        };
        listener.attach({ ...sink, end });
      },
      pull: listener.drained,
      cancel: listener.left,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: fullBytes }),
  );
  return new Response(body, { headers });
}
