/** What was sent to a subscription, sending it again, and the feed that holds the same events. */
import { createRoute, z } from "@hono/zod-openapi";
import { deliveryStates, listDeliveries, replayDelivery, replayRange } from "../notify/deliveries.ts";
import { type EventView, eventIdPattern, eventView } from "../notify/envelope.ts";
import { subscriptionIdPattern } from "../notify/subscriptions.ts";
import { topics } from "../outbox/append.ts";
import { feedEnd, feedStart, readFeed } from "../outbox/feed.ts";
import { attemptView } from "./attempt-view.ts";
import { afterCursor, cutPage, done, moment, next, pageQuery } from "./fields.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";
import type { SubscriptionDeps } from "./subscriptions.ts";

const tags = ["通知 · Webhooks"];
const subscriptionId = z.string().regex(subscriptionIdPattern);
const path = "/api/v1/subscriptions/{id}";

const deliveryView = z
  .object({
    id: z.string().openapi({ description: "事件的 id，每次发送都相同 · the event's id, the same whenever it is sent" }),
    type: z.string(),
    callId: z.string().nullable(),
    version: z.int(),
    timestamp: moment,
    state: z.enum(deliveryStates).openapi({ description: "dead：已放弃，可重发 · dead: given up, can be replayed" }),
    tries: z.int(),
    queued: moment,
    finished: moment.nullable(),
    due: moment
      .nullable()
      .openapi({ description: "同一通话按序发送，此为该通话的下次时间 · when its call is taken up next" }),
    attempts: z.array(attemptView).openapi({ description: "最近 20 次 · the last 20" }),
  })
  .openapi("WebhookDelivery");

export function notificationRoutes(app: App, deps: SubscriptionDeps): void {
  readDeliveries(app, deps);
  replays(app, deps);
  feed(app, deps);
}

function readDeliveries(app: App, { ctx }: SubscriptionDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: `${path}/deliveries`,
      tags,
      summary: "发送记录 · Deliveries",
      description: "保留至少 30 天。 · Kept for at least 30 days.",
      request: {
        params: z.object({ id: subscriptionId }),
        query: z.strictObject({ ...pageQuery, state: z.enum(deliveryStates).optional() }),
      },
      responses: {
        200: answer(z.object({ deliveries: z.array(deliveryView), next }), "新的在前 · newest first"),
        ...problems(...guardedProblems, "not_found", "invalid"),
      },
    }),
    async (c) => {
      const { limit, cursor, state = null } = c.req.valid("query");
      const { id } = c.req.valid("param");
      const page = { limit: limit + 1, before: afterCursor(cursor, eventIdPattern), state };
      const cut = cutPage(await listDeliveries(ctx, c.get("principal").tenant, id, page), limit);
      return c.json({ deliveries: cut.page, next: cut.next }, 200);
    },
  );
}

const range = z.strictObject({
  from: moment,
  to: moment,
  events: z
    .array(z.enum([...topics, "*"]))
    .min(1)
    .max(topics.length + 1)
    .optional()
    .openapi({ description: "缺省为订阅的事件 · the subscription's own by default" }),
  callId: z.string().max(64).optional(),
  cursor: z.string().max(128).optional().openapi({ description: "上次答复的 next · the last answer's `next`" }),
});

function replays(app: App, { ctx }: SubscriptionDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: `${path}/deliveries/{deliveryId}/replay`,
      tags,
      summary: "重发一个事件 · Send one event again",
      description: "id 不变。 · Under the same id.",
      request: { params: z.object({ id: subscriptionId, deliveryId: z.string().regex(eventIdPattern) }) },
      responses: { 200: answer(done, "已排队 · queued"), ...problems(...guardedProblems, "not_found", "conflict") },
    }),
    async (c) => {
      const { id, deliveryId } = c.req.valid("param");
      await replayDelivery(ctx, c.get("principal").tenant, id, deliveryId);
      return c.json({ success: true as const }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: `${path}/replay`,
      tags,
      summary: "重发一段时间的事件 · Send a time's events again",
      description:
        "from ≤ 发生时间 < to；id 与首次相同；停用期间未发的也包括。一次最多约 100,000 个，其余用 next 继续。 · " +
        "The ids are those of the first time; what was missed while inactive is sent too. " +
        "About 100,000 a request; `next` goes on.",
      request: { params: z.object({ id: subscriptionId }), body: jsonBody(range) },
      responses: {
        200: answer(z.object({ success: z.literal(true), queued: z.int(), next }), "已排队 · queued"),
        ...problems(...guardedProblems, "malformed", "not_found", "too_large", "invalid", "conflict"),
      },
    }),
    async (c) => {
      const { from, to, ...rest } = c.req.valid("json");
      const wanted = { ...rest, from: new Date(from), to: new Date(to) };
      const replayed = await replayRange(ctx, c.get("principal").tenant, c.req.valid("param").id, wanted);
      return c.json({ success: true as const, ...replayed }, 200);
    },
  );
}

const event = z
  .object({
    id: z.string(),
    type: z.string(),
    timestamp: moment,
    tenant: z.string(),
    callId: z.string().nullable(),
    version: z.int().openapi({ description: "同一通话内递增 · grows within a call" }),
    data: z.record(z.string(), z.unknown()),
  })
  .openapi("Event");
const cursorMax = 256;

function feed(app: App, { ctx }: SubscriptionDeps): void {
  app.openapi(
    createRoute({
      ...guarded("read"),
      method: "get",
      path: "/api/v1/events",
      tags,
      summary: "事件流水 · The feed of events",
      description:
        "与推送相同的事件、相同的 id，供核对与补漏。 · The same events under the same ids as the webhooks: the safety net.",
      request: {
        query: z.strictObject({
          limit: pageQuery.limit,
          after: z.string().min(1).max(cursorMax).optional().openapi({
            description:
              "上次的 next；缺省从最早开始，now 为从现在开始 · the last `next`; absent = the oldest, `now` = from now on",
          }),
        }),
      },
      responses: {
        200: answer(
          z.object({
            events: z.array(event),
            next: z.string(),
            reset: z.literal(true).optional().openapi({
              description:
                "cursor 过旧或不属于此库：next 从最早开始 · the cursor is too old or not ours: `next` begins anew",
            }),
          }),
          "从旧到新 · oldest first",
        ),
        ...problems(...guardedProblems, "invalid"),
      },
    }),
    async (c) => {
      const { after, limit } = c.req.valid("query");
      if (after === "now") return c.json({ events: [], next: await feedEnd(ctx) }, 200);
      const start = after ?? (await feedStart(ctx));
      const page = await readFeed(ctx, c.get("principal").tenant, start, limit);
      if (page.reset) return c.json({ events: [], next: await feedStart(ctx), reset: true as const }, 200);
      const events: EventView[] = page.events.map(eventView);
      return c.json({ events, next: page.cursor }, 200);
    },
  );
}
