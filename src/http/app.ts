import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler, Context as Request } from "hono";
import { routePath } from "hono/route";
import type { ChannelDefinition } from "../../channels/contract.ts";
import type { Authenticator } from "../auth/authenticate.ts";
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import { Refusal } from "../domain/refusal.ts";
import type { Directory } from "../lines/directory.ts";
import { errorFields } from "../log.ts";
import { agentRoutes } from "./agents.ts";
import { bindingRoutes } from "./bindings.ts";
import { channelRoutes } from "./channels.ts";
import { docsRoutes } from "./docs.ts";
import { keyRoutes } from "./keys.ts";
import { lineRoutes } from "./lines.ts";
import { isOurFault, problemResponse, toRefusal } from "./problem.ts";
import type { App, AppEnv } from "./route.ts";
import { settingsRoutes } from "./settings.ts";
import { createSurface } from "./surface.ts";

export interface AppDeps {
  ctx: Context;
  directory: Directory;
  authenticator: Authenticator;
  loadChannel(name: string): Promise<ChannelDefinition | null>;
  listChannels(): Promise<ChannelDefinition[]>;
  /** What the world reaches us at, without a slash at its end; known once the server listens. */
  publicUrl(): string;
  /** Told of every answer, with the route's pattern. */
  answered?(request: { method: string; route: string; status: number; seconds: number }): void;
  /** Routes of other modules, each added by a function that is given the app. */
  register: readonly ((app: App) => void)[];
}

/** The whole HTTP surface. Who may ask and how large a body may be is said by each route, not here. */
export function createApp(deps: AppDeps): App {
  const { ctx } = deps;
  const app: App = new OpenAPIHono<AppEnv>({
    defaultHook(result, c) {
      if (result.success) return;
      // A path whose parameter does not fit is not this route's: `/calls/search` is no call.
      if (result.target === "param") return noRoute(c);
      throw result.error;
    },
  });
  const methodsOf = createSurface(app);

  function noRoute(c: Request<AppEnv>): Response {
    const allowed = methodsOf(c.req.path);
    if (allowed.length === 0) return problemResponse(c, new Refusal("not_found", "There is nothing at this path."));
    const refusal = new Refusal("method_not_allowed", `This path answers ${allowed.join(", ")}.`);
    const response = problemResponse(c, refusal);
    response.headers.set("allow", allowed.join(", "));
    return response;
  }

  app.use(welcome(deps));
  app.notFound(noRoute);
  app.onError((error, c) => {
    const refusal = toRefusal(error);
    if (isOurFault(refusal.code)) {
      const fields = {
        ...errorFields(error),
        requestId: c.get("requestId"),
        method: c.req.method,
        route: routePath(c, -1),
      };
      if (refusal.code === "internal") ctx.log.error(fields, "request failed");
      else ctx.log.warn(fields, "request refused: the database is away");
    }
    return problemResponse(c, refusal);
  });
  for (const add of [keyRoutes, lineRoutes, agentRoutes, bindingRoutes, channelRoutes, settingsRoutes]) add(app, deps);
  for (const add of deps.register) add(app);
  docsRoutes(app, deps);
  return app;
}

const safeHeaders = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
} as const;

/** The first and the last to touch every request: its id, one log line with the route's pattern, safe headers. */
function welcome({ ctx, authenticator, answered }: AppDeps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const began = ctx.clock.now().getTime();
    const requestId = saneId(c.req.header("x-request-id")) ?? `req_${randomLetters(20, ctx.randomBytes)}`;
    c.set("requestId", requestId);
    c.set("authenticator", authenticator);
    await next();
    const { headers, status } = c.res;
    headers.set("x-request-id", requestId);
    for (const [name, value] of Object.entries(safeHeaders)) if (!headers.has(name)) headers.set(name, value);
    const ms = Math.round(ctx.clock.now().getTime() - began);
    const [method, route] = [c.req.method, routePath(c, -1)];
    ctx.log.debug({ method, route, status, ms, requestId }, "request");
    answered?.({ method, route, status, seconds: ms / 1000 });
  };
}

/** A caller's own id is kept where it can hold neither a phone number nor anything that breaks a log line. */
function saneId(given: string | undefined): string | null {
  if (given === undefined || !/^[\w.-]{8,64}$/.test(given) || /\d{11}/.test(given)) return null;
  return given;
}
