/**
 * The ways of what comes most often, in its usual form: a provider's POST that says its length, to a tokened address,
 * and an app's poll of one call, both without a query. The router and its middleware cost more than all else that is
 * done about one, so these go past them. The answers are the same; whatever is of another form goes through the app.
 */
import type { Reply } from "../../channels/contract.ts";
import type { Authenticator } from "../auth/authenticate.ts";
import type { StatusReader } from "../calls/status.ts";
import type { Context } from "../context.ts";
import { callIdPattern } from "../domain/id.ts";
import { type Answered, logAnswer, logFault, requestIdOf, safeHeaders } from "./arrival.ts";
import { pollOf, pollScopes } from "./calls.ts";
import { problemOf } from "./problem.ts";
import { askerOf } from "./route.ts";
import { kindMax, pushBytesMax, type Receive, tokenedRoute } from "./webhooks.ts";

const pushPath = /^https?:\/\/[^/?#]+\/api\/v1\/calls\/webhook\/([\w-]+)\/(wh_[A-Za-z0-9]+)(?:\/([\w-]+))?$/;
const pollPath = /^https?:\/\/[^/?#]+\/api\/v1\/calls\/([\w-]+)\/status$/;
/** As the router names it. */
const pollRoute = "/api/v1/calls/:callId/status";

/** Null for what is not of these forms. */
export type Direct = (request: Request, address: () => string) => Promise<Response> | null;

/** What the ways need. */
export interface DirectTools {
  receive: Receive;
  reader: StatusReader;
  authenticator: Authenticator;
  answered?: Answered;
}

export function createDirect(ctx: Context, { receive, reader, authenticator, answered }: DirectTools): Direct {
  async function answer(request: Request, route: string, work: () => Promise<Reply>): Promise<Response> {
    const began = ctx.clock.now().getTime();
    const requestId = requestIdOf(ctx, request.headers.get("x-request-id"));
    const about = { method: request.method, route, requestId };
    const own = { ...safeHeaders, "x-request-id": requestId };
    let response: Response;
    try {
      const { status, contentType, body } = await work();
      response = new Response(body, { status, headers: { ...own, "content-type": contentType } });
    } catch (error) {
      logFault(ctx, error, about);
      const { status, headers, body } = problemOf(error, requestId);
      response = new Response(body, { status, headers: { ...own, ...headers } });
    }
    logAnswer(ctx, answered, about, response.status, began);
    return response;
  }

  function push(request: Request, address: () => string): Promise<Response> | null {
    const length = request.headers.get("content-length");
    if (length === null || !(Number(length) <= pushBytesMax)) return null;
    const [, channel, token, kind = ""] = pushPath.exec(request.url) ?? [];
    if (channel === undefined || token === undefined) return null;
    return answer(request, tokenedRoute, () =>
      receive({
        channel,
        token,
        kind: kind.slice(0, kindMax),
        address,
        method: "POST",
        query: {},
        headers: request.headers.toJSON(),
        read: () => request.bytes(),
      }),
    );
  }

  function poll(request: Request): Promise<Response> | null {
    const [, callId] = pollPath.exec(request.url) ?? [];
    if (callId === undefined || !callIdPattern.test(callId)) return null;
    return answer(request, pollRoute, async () => {
      const header = request.headers.get("authorization") ?? undefined;
      const { tenant } = await askerOf(authenticator, header, pollScopes);
      const body = JSON.stringify(await pollOf(reader, tenant, callId));
      return { status: 200, contentType: "application/json", body };
    });
  }

  return (request, address) => {
    if (request.method === "POST") return push(request, address);
    return request.method === "GET" ? poll(request) : null;
  };
}
