import { createRoute, z } from "@hono/zod-openapi";
import { changeSettings, settingsOf, tenantSettings } from "../auth/tenants.ts";
import type { AppDeps } from "./app.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";

const tags = ["设置 · Settings"];
const { shape } = tenantSettings;

const settings = z.object(shape).openapi("Settings");

const change = z.strictObject({
  privacy: shape.privacy.nullish(),
  record: shape.record.nullish(),
  ringTimeoutSeconds: shape.ringTimeoutSeconds.nullish(),
  maxDurationSeconds: shape.maxDurationSeconds.nullish(),
});

export function settingsRoutes(app: App, { ctx }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/settings",
      tags,
      summary: "租户设置 · The tenant's settings",
      responses: { 200: answer(settings, "含默认值 · with defaults in the gaps"), ...problems(...guardedProblems) },
    }),
    async (c) => c.json(await settingsOf(ctx, c.get("principal").tenant), 200),
  );

  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "put",
      path: "/api/v1/settings",
      tags,
      summary: "修改设置 · Change settings",
      description: "缺少的字段保持不变，null 恢复默认。 · Absent fields stay; null goes back to the default.",
      request: { body: jsonBody(change) },
      responses: {
        200: answer(z.object({ success: z.literal(true), settings }), "修改后的设置 · the settings now"),
        ...problems(...guardedProblems, "malformed", "too_large", "invalid"),
      },
    }),
    async (c) => {
      const changed = await changeSettings(ctx, c.get("principal").tenant, c.req.valid("json"));
      return c.json({ success: true as const, settings: changed }, 200);
    },
  );
}
