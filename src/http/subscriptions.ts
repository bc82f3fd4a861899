import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "../context.ts";
import type { Guard } from "../guard/guard.ts";
import { countDeliveries } from "../notify/deliveries.ts";
import {
  createSubscription,
  deleteSubscription,
  getSubscription,
  listSubscriptions,
  rotateSecret,
  subscriptionIdPattern,
  testSubscription,
  updateSubscription,
} from "../notify/subscriptions.ts";
import { topics } from "../outbox/append.ts";
import { attemptView } from "./attempt-view.ts";
import { afterCursor, cutPage, done, moment, next, pageQuery, text } from "./fields.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";

export interface SubscriptionDeps {
  ctx: Context;
  guard: Guard;
}

const tags = ["通知 · Webhooks"];
const params = z.object({ id: z.string().regex(subscriptionIdPattern) });
const path = "/api/v1/subscriptions";

const heard = z
  .array(z.enum([...topics, "*"]))
  .min(1)
  .max(topics.length + 1)
  .openapi({ description: "事件类型；* 为全部 · topics; * is all of them", example: ["call.ended"] });

const subscriptionView = z
  .object({
    id: z.string(),
    url: z.string(),
    events: z.array(z.string()),
    active: z.boolean(),
    description: z.string().nullable(),
    health: z
      .object({
        state: z.enum(["ok", "failing", "open"]).openapi({
          description:
            "open：暂停发送，逐个试探；从不自动停用 · open: one request at a time is tried; never switched off",
        }),
        failures: z.int().openapi({ description: "连续失败次数 · failures in a row" }),
        failingSince: moment.nullable(),
        openUntil: moment.nullable(),
        gone: moment.nullable().openapi({ description: "对方答复 410 的时间 · when it answered 410 Gone" }),
      })
      .openapi("SubscriptionHealth"),
    created: moment,
    updated: moment,
  })
  .openapi("Subscription");

const fields = {
  url: z.string().min(1).max(2_048).openapi({ description: "http 或 https，公网地址 · public http or https address" }),
  events: heard,
  active: z.boolean(),
  description: text(200).nullable(),
};
const newSubscription = z.strictObject({
  ...fields,
  active: fields.active.default(true),
  description: fields.description.optional(),
});
const secret = z.string().openapi({
  description: "签名密钥，只显示这一次 · the signing secret, shown this once",
  example: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
});

export function subscriptionRoutes(app: App, deps: SubscriptionDeps): void {
  readSubscriptions(app, deps);
  makeSubscriptions(app, deps);
  changeSubscriptions(app, deps);
  trySubscriptions(app, deps);
}

function readSubscriptions(app: App, { ctx }: SubscriptionDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path,
      tags,
      summary: "订阅列表 · List subscriptions",
      request: { query: z.strictObject(pageQuery) },
      responses: {
        200: answer(z.object({ subscriptions: z.array(subscriptionView), next }), "按创建顺序 · oldest first"),
        ...problems(...guardedProblems, "invalid"),
      },
    }),
    async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const after = afterCursor(cursor, subscriptionIdPattern);
      const found = await listSubscriptions(ctx, c.get("principal").tenant, { limit: limit + 1, after });
      const cut = cutPage(found, limit);
      return c.json({ subscriptions: cut.page, next: cut.next }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: `${path}/{id}`,
      tags,
      summary: "查看订阅 · One subscription",
      request: { params },
      responses: {
        200: answer(
          subscriptionView.extend({ pending: z.int(), dead: z.int() }),
          "含待发与死信数量，各最多数到 10,000 · with what waits and what is dead, each counted up to 10,000",
        ),
        ...problems(...guardedProblems, "not_found"),
      },
    }),
    async (c) => {
      const subscription = await getSubscription(ctx, c.get("principal").tenant, c.req.valid("param").id);
      return c.json({ ...subscription, ...(await countDeliveries(ctx, subscription.id)) }, 200);
    },
  );
}

function makeSubscriptions(app: App, { ctx, guard }: SubscriptionDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path,
      tags,
      summary: "创建订阅 · Make a subscription",
      description:
        "按 Standard Webhooks 签名：webhook-id、webhook-timestamp、webhook-signature；2xx 为收到，其余重试约三天。 · " +
        "Signed as Standard Webhooks; 2xx means received, anything else is tried again for about three days. " +
        "A call's events arrive in order.",
      request: { body: jsonBody(newSubscription) },
      responses: {
        201: answer(
          z.object({ success: z.literal(true), id: z.string(), secret, subscription: subscriptionView }),
          "新订阅 · the new subscription",
        ),
        ...problems(...guardedProblems, "malformed", "too_large", "invalid", "conflict"),
      },
    }),
    async (c) => {
      const made = await createSubscription(ctx, guard, c.get("principal").tenant, c.req.valid("json"));
      return c.json({ success: true as const, id: made.subscription.id, ...made }, 201);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: `${path}/{id}/rotate`,
      tags,
      summary: "更换密钥 · Rotate the secret",
      description: "旧密钥在 24 小时内继续一同签名。 · For 24 hours the old one signs beside it.",
      request: { params },
      responses: {
        200: answer(z.object({ success: z.literal(true), secret, oldUntil: moment }), "新密钥 · the new secret"),
        ...problems(...guardedProblems, "not_found", "conflict"),
      },
    }),
    async (c) => {
      const rotated = await rotateSecret(ctx, c.get("principal").tenant, c.req.valid("param").id);
      return c.json({ success: true as const, ...rotated }, 200);
    },
  );
}

function changeSubscriptions(app: App, { ctx, guard }: SubscriptionDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "put",
      path: `${path}/{id}`,
      tags,
      summary: "修改订阅 · Change a subscription",
      description:
        "缺少的字段保持不变；停用期间的事件不发送，可用 replay 补发。 · Absent fields stay; what happens while it is inactive is not sent, replay fetches it.",
      request: { params, body: jsonBody(z.strictObject(fields).partial()) },
      responses: {
        200: answer(
          z.object({ success: z.literal(true), id: z.string(), subscription: subscriptionView }),
          "修改后的订阅 · the subscription now",
        ),
        ...problems(...guardedProblems, "malformed", "not_found", "too_large", "invalid"),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const subscription = await updateSubscription(ctx, guard, c.get("principal").tenant, id, c.req.valid("json"));
      return c.json({ success: true as const, id, subscription }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "delete",
      path: `${path}/{id}`,
      tags,
      summary: "删除订阅 · Delete a subscription",
      description: "待发的事件一并删除。 · What waits for it goes with it.",
      request: { params },
      responses: { 200: answer(done, "已删除 · deleted"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => {
      await deleteSubscription(ctx, c.get("principal").tenant, c.req.valid("param").id);
      return c.json({ success: true as const }, 200);
    },
  );
}

function trySubscriptions(app: App, deps: SubscriptionDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: `${path}/{id}/test`,
      tags,
      summary: "发送测试事件 · Send a test event",
      description:
        "立即发送一次 subscription.test 并返回结果，最长 10 秒。 · Sends one subscription.test now and tells what came of it, within 10 s.",
      request: { params },
      responses: {
        200: answer(
          z.object({
            success: z.literal(true),
            deliveryId: z.string(),
            delivered: z.boolean(),
            attempt: attemptView,
          }),
          "结果 · what came of it",
        ),
        ...problems(...guardedProblems, "not_found"),
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const told = await testSubscription(deps.ctx, deps.guard, c.get("principal").tenant, id, c.req.raw.signal);
      return c.json({ success: true as const, ...told }, 200);
    },
  );
}
