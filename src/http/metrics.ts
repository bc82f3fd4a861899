import { createRoute, z } from "@hono/zod-openapi";
import type { Metrics } from "../metrics/metrics.ts";
import { type App, guarded, guardedProblems, problems } from "./route.ts";

export function metricsRoutes(app: App, metrics: Metrics): void {
  app.openapi(
    createRoute({
      ...guarded("ops"),
      method: "get",
      path: "/metrics",
      tags: ["运行 · Operations"],
      summary: "Prometheus 指标 · Metrics for Prometheus",
      description: "含义与告警见 docs/operations.md。 · What they mean: docs/operations.md.",
      responses: {
        200: { description: "文本格式 · the text format", content: { "text/plain": { schema: z.string() } } },
        ...problems(...guardedProblems),
      },
    }),
    async (c) => c.text(await metrics.text(), 200, { "content-type": metrics.contentType }),
  );
}
