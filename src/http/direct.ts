/**
 * The way of providers' pushes in their usual form: a POST that says its length, to a tokened address, without a
 * query. The router and its middleware cost more than all else that is done about one, so these go past them. The
 * answers are the same; whatever is of another form goes through the app.
 */
import type { Context } from "../context.ts";
import { type Answered, logAnswer, logFault, requestIdOf, safeHeaders } from "./arrival.ts";
import { problemOf } from "./problem.ts";
import { kindMax, pushBytesMax, type Receive, tokenedRoute } from "./webhooks.ts";

const pushPath = /^https?:\/\/[^/?#]+\/api\/v1\/calls\/webhook\/([\w-]+)\/(wh_[A-Za-z0-9]+)(?:\/([\w-]+))?$/;

/** Null for what is not of that form. */
export type Direct = (request: Request, address: () => string) => Promise<Response> | null;

export function createDirect(ctx: Context, receive: Receive, answered?: Answered): Direct {
  async function answer(
    request: Request,
    push: Pick<Parameters<Receive>[0], "channel" | "token" | "kind" | "address">,
  ) {
    const began = ctx.clock.now().getTime();
    const requestId = requestIdOf(ctx, request.headers.get("x-request-id"));
    const about = { method: "POST", route: tokenedRoute, requestId };
    const own = { ...safeHeaders, "x-request-id": requestId };
    let response: Response;
    try {
      const headers = request.headers.toJSON();
      const { status, contentType, body } = await receive({
        ...push,
        method: "POST",
        query: {},
        headers,
        read: () => request.bytes(),
      });
      response = new Response(body, { status, headers: { ...own, "content-type": contentType } });
    } catch (error) {
      logFault(ctx, error, about);
      const { status, headers, body } = problemOf(error, requestId);
      response = new Response(body, { status, headers: { ...own, ...headers } });
    }
    logAnswer(ctx, answered, about, response.status, began);
    return response;
  }

  return (request, address) => {
    if (request.method !== "POST") return null;
    const length = request.headers.get("content-length");
    if (length === null || !(Number(length) <= pushBytesMax)) return null;
    const [, channel, token, kind = ""] = pushPath.exec(request.url) ?? [];
    return channel === undefined || token === undefined
      ? null
      : answer(request, { channel, token, kind: kind.slice(0, kindMax), address });
  };
}
