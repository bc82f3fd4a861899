import { createRoute, z } from "@hono/zod-openapi";
import { addToBlacklist, listBlacklist, removeFromBlacklist } from "../limits/blacklist.ts";
import type { AppDeps } from "./app.ts";
import { afterCursor, cutPage, done, moment, next, pageQuery, phoneNumber, text } from "./fields.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";

const tags = ["黑名单 · Blacklist"];
const idForm = /^black_[a-z0-9]{16}$/;

const entryView = z
  .object({
    id: z.string(),
    phone: z.string().openapi({ example: "139****5678" }),
    reason: z.string().nullable(),
    expires: moment.nullable().openapi({ description: "null：长期 · null: for good" }),
    created: moment,
  })
  .openapi("BlacklistEntry");
const newEntry = z.strictObject({
  phone: phoneNumber,
  reason: text(255).openapi({ description: "其中的号码会打码 · numbers in it are masked" }),
  expires: moment.nullish(),
});
const saved = z.object({
  success: z.literal(true),
  id: z.string(),
  isNew: z
    .boolean()
    .openapi({ description: "false：号码已在其中，更新了原因与到期 · false: reason and expiry changed" }),
  entry: entryView,
});

export function blacklistRoutes(app: App, { ctx }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/blacklist",
      tags,
      summary: "黑名单列表 · List the blacklist",
      request: { query: z.strictObject(pageQuery) },
      responses: {
        200: answer(z.object({ blacklist: z.array(entryView), next }), "按编号排序 · by id"),
        ...problems(...guardedProblems, "invalid"),
      },
    }),
    async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const page = { limit: limit + 1, after: afterCursor(cursor, idForm) ?? "" };
      const cut = cutPage(await listBlacklist(ctx, c.get("principal").tenant, page), limit);
      return c.json({ blacklist: cut.page, next: cut.next }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: "/api/v1/blacklist",
      tags,
      summary: "加入黑名单 · Put a number on the blacklist",
      description:
        "立即对所有渠道生效，正在进行的通话不受影响。 · Holds at once on every channel; calls under way go on.",
      request: { body: jsonBody(newEntry) },
      responses: {
        200: answer(saved, "已在其中，已更新 · it was there, and is updated"),
        201: answer(saved, "已加入 · it is there now"),
        ...problems(...guardedProblems, "malformed", "too_large", "invalid"),
      },
    }),
    async (c) => {
      const { phone, reason, expires } = c.req.valid("json");
      const wish = { phone, reason, expires: expires == null ? null : new Date(expires) };
      const { entry, isNew } = await addToBlacklist(ctx, c.get("principal").tenant, wish);
      return c.json({ success: true as const, id: entry.id, isNew, entry }, isNew ? 201 : 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "delete",
      path: "/api/v1/blacklist/{id}",
      tags,
      summary: "移出黑名单 · Take a number off the blacklist",
      request: { params: z.object({ id: z.string().regex(idForm) }) },
      responses: { 200: answer(done, "已移出 · it is off"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => {
      await removeFromBlacklist(ctx, c.get("principal").tenant, c.req.valid("param").id);
      return c.json({ success: true as const }, 200);
    },
  );
}
