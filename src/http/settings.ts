import { createRoute, z } from "@hono/zod-openapi";
import { tenantSettings } from "../auth/settings.ts";
import type { AppDeps } from "./app.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";

const tags = ["设置 · Settings"];
const { shape } = tenantSettings;

const settings = z.object(shape).openapi("Settings");

const change = z.strictObject(
  Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, field.nullish()])) as {
    [Name in keyof typeof shape]: z.ZodOptional<z.ZodNullable<(typeof shape)[Name]>>;
  },
);

export function settingsRoutes(app: App, { settings: book }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/settings",
      tags,
      summary: "租户设置 · The tenant's settings",
      responses: { 200: answer(settings, "含默认值 · with defaults in the gaps"), ...problems(...guardedProblems) },
    }),
    async (c) => c.json(await book.of(c.get("principal").tenant), 200),
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
      const changed = await book.change(c.get("principal").tenant, c.req.valid("json"));
      return c.json({ success: true as const, settings: changed }, 200);
    },
  );
}
