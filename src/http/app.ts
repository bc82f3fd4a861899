import { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler, Context as Request } from "hono";
import { routePath } from "hono/route";
import type { ChannelDefinition } from "../../channels/contract.ts";
import type { Authenticator } from "../auth/authenticate.ts";
import type { SettingsBook } from "../auth/settings.ts";
import type { Context } from "../context.ts";
import { Refusal } from "../domain/refusal.ts";
import type { Directory } from "../lines/directory.ts";
import { agentRoutes } from "./agents.ts";
import { type Answered, logAnswer, logFault, requestIdOf, safeHeaders } from "./arrival.ts";
import { bindingRoutes } from "./bindings.ts";
import { blacklistRoutes } from "./blacklist.ts";
import { channelRoutes } from "./channels.ts";
import { docsRoutes } from "./docs.ts";
import { keyRoutes } from "./keys.ts";
import { lineRoutes } from "./lines.ts";
import { problemResponse } from "./problem.ts";
import type { App, AppEnv } from "./route.ts";
import { settingsRoutes } from "./settings.ts";
import { createSurface } from "./surface.ts";

export interface AppDeps {
  ctx: Context;
  directory: Directory;
  settings: SettingsBook;
  authenticator: Authenticator;
  loadChannel(name: string): Promise<ChannelDefinition | null>;
  listChannels(): Promise<ChannelDefinition[]>;
  /** What the world reaches us at, without a slash at its end; known once the server listens. */
  publicUrl(): string;
  answered?: Answered;
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
    logFault(ctx, error, { method: c.req.method, route: routePath(c), requestId: c.get("requestId") });
    return problemResponse(c, error);
  });
  const own = [keyRoutes, lineRoutes, agentRoutes, bindingRoutes, blacklistRoutes, channelRoutes, settingsRoutes];
  for (const add of own) add(app, deps);
  for (const add of deps.register) add(app);
  docsRoutes(app, deps);
  return app;
}

/** The first and the last to touch every request: its id, one log line with the route's pattern, safe headers. */
function welcome({ ctx, authenticator, answered }: AppDeps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const began = ctx.clock.now().getTime();
    const requestId = requestIdOf(ctx, c.req.header("x-request-id"));
    c.set("requestId", requestId);
    c.set("authenticator", authenticator);
    await next();
    const { headers, status } = c.res;
    headers.set("x-request-id", requestId);
    for (const [name, value] of Object.entries(safeHeaders)) if (!headers.has(name)) headers.set(name, value);
    logAnswer(ctx, answered, { method: c.req.method, route: routePath(c), requestId }, status, began);
  };
}
