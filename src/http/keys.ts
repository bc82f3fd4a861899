import { createRoute, z } from "@hono/zod-openapi";
import { listKeys, makeKey, revokeKey } from "../auth/keys.ts";
import { scopes } from "../auth/principal.ts";
import { Refusal } from "../domain/refusal.ts";
import type { AppDeps } from "./app.ts";
import { afterCursor, cutPage, done, moment, next, pageQuery, text } from "./fields.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";

const tags = ["密钥 · Keys"];
const keyIdForm = /^key_[a-z0-9]{16}$/;
const keyId = z.string().regex(keyIdForm);
const granted = z.array(z.enum(scopes)).openapi({
  description: "call 外呼 · read 记录 · manage 线路、坐席、密钥 · ops 运维",
});

const keyView = z
  .object({
    id: z.string(),
    name: z.string(),
    hint: z.string().openapi({ description: "密钥的前几位 · the key's first characters" }),
    scopes: granted,
    created: moment,
    revoked: moment.nullable(),
  })
  .openapi("Key");

export function keyRoutes(app: App, deps: AppDeps): void {
  listing(app, deps);
  making(app, deps);
  revoking(app, deps);
}

function listing(app: App, { ctx }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/keys",
      tags,
      summary: "密钥列表 · List keys",
      request: { query: z.strictObject(pageQuery) },
      responses: {
        200: answer(
          z.object({ keys: z.array(keyView), next }),
          "按创建顺序，含已吊销的 · oldest first, revoked ones too",
        ),
        ...problems(...guardedProblems, "invalid"),
      },
    }),
    async (c) => {
      const { limit, cursor } = c.req.valid("query");
      const after = afterCursor(cursor, keyIdForm);
      const keys = await listKeys(ctx, c.get("principal").tenant, { limit: limit + 1, after });
      const cut = cutPage(keys, limit);
      return c.json({ keys: cut.page, next: cut.next }, 200);
    },
  );
}

function making(app: App, { ctx }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "post",
      path: "/api/v1/keys",
      tags,
      summary: "创建密钥 · Make a key",
      description:
        "密钥只显示这一次；只能授予自己拥有的权限。 · The key is shown this once; it can have no scope that its maker lacks.",
      request: { body: jsonBody(z.strictObject({ name: text(100), scopes: granted.min(1).max(scopes.length) })) },
      responses: {
        201: answer(z.object({ success: z.literal(true), id: z.string(), key: z.string() }), "密钥 · the key"),
        ...problems(...guardedProblems, "malformed", "too_large", "invalid", "conflict"),
      },
    }),
    async (c) => {
      const principal = c.get("principal");
      const wanted = c.req.valid("json");
      const beyond = wanted.scopes.filter((scope) => !principal.scopes.includes(scope));
      if (beyond.length > 0)
        throw new Refusal("forbidden", `A key grants only scopes that it has; yours lacks ${beyond.join(", ")}.`);
      const made = await makeKey(ctx, principal.tenant, wanted);
      return c.json({ success: true as const, ...made }, 201);
    },
  );
}

function revoking(app: App, { ctx, authenticator }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "delete",
      path: "/api/v1/keys/{id}",
      tags,
      summary: "吊销密钥 · Revoke a key",
      request: { params: z.object({ id: keyId }) },
      responses: { 200: answer(done, "已吊销 · revoked"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => {
      const revoked = await revokeKey(ctx, c.get("principal").tenant, c.req.valid("param").id);
      if (!revoked) throw new Refusal("not_found", "There is no such key.");
      authenticator.forget();
      return c.json({ success: true as const }, 200);
    },
  );
}
