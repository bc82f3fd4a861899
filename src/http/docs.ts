import { fileURLToPath } from "node:url";
import { createRoute, z } from "@hono/zod-openapi";
import { refusals } from "../domain/refusal.ts";
import type { AppDeps } from "./app.ts";
import type { App } from "./route.ts";

const tags = ["文档 · Documentation"];
/** Swagger UI sets styles on elements and carries its icons as data; no script but the files below runs. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; font-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const dayOfCache = "public, max-age=86400";

const files = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
} as const;
type FileName = keyof typeof files;
const fileNames = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"] as const satisfies FileName[];

const page = `<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hualu 话路 API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const startScript = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  persistAuthorization: false,
  validatorUrl: null,
});
`;

const problemsPage = `<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><title>Hualu 话路: problems</title></head>
<body>
<h1>错误码 · Problem codes</h1>
<table>
<tr><th>code</th><th>HTTP</th><th>中文</th><th>English</th></tr>
${Object.entries(refusals)
  .map(
    ([code, { status, zh, en }]) =>
      `<tr id="${code}"><td>${code}</td><td>${status}</td><td>${zh}</td><td>${en}</td></tr>`,
  )
  .join("\n")}
</table>
</body>
</html>
`;

const description =
  "多渠道回拨呼叫路由 · a multi-channel callback-call router. " +
  "认证 · authentication: `Authorization: Bearer <key>`. 错误 · errors: `application/problem+json`, /docs/problems.";

export function docsRoutes(app: App, { publicUrl }: AppDeps): void {
  let document: string | null = null;
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "租户的密钥 · a key of the tenant",
  });

  app.openapi(described("/openapi.json", "接口描述 · This description", "application/json"), (c) => {
    // The routes do not change once the app is made.
    document ??= JSON.stringify(
      app.getOpenAPI31Document({
        openapi: "3.1.0",
        info: { title: "Hualu 话路", version: "0.1.0", description },
        servers: [{ url: publicUrl() }],
      }),
    );
    return c.body(document, 200, { "content-type": "application/json" });
  });
  app.openapi(described("/docs", "可读文档 · The documentation to read", "text/html"), (c) => c.html(page, 200, html));
  app.openapi(described("/docs/problems", "错误码 · Problem codes", "text/html"), (c) =>
    c.html(problemsPage, 200, html),
  );
  app.openapi(described("/docs/start.js", "文档脚本 · Its script", "text/javascript"), (c) =>
    c.body(startScript, 200, { "content-type": "text/javascript; charset=utf-8" }),
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/docs/{file}",
      tags,
      summary: "文档文件 · Its files",
      request: { params: z.object({ file: z.enum(fileNames) }) },
      responses: { 200: { description: "文件 · the file" } },
    }),
    (c) => {
      const { file } = c.req.valid("param");
      const headers = { "content-type": files[file], "cache-control": dayOfCache };
      return new Response(Bun.file(swaggerFile(file)), { headers });
    },
  );
}

const html = { "content-security-policy": pagePolicy };

function described<Path extends string>(path: Path, summary: string, type: string) {
  const responses = { 200: { description: summary, content: { [type]: { schema: z.unknown() } } } };
  return createRoute({ method: "get", path, tags, summary, responses });
}

function swaggerFile(name: FileName): string {
  return fileURLToPath(new URL(name, import.meta.resolve("swagger-ui-dist/package.json")));
}
