/** What a route file needs to say who may ask, how much, and what comes back. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { bodyLimit as limitBody } from "hono/body-limit";
import type { Authenticator } from "../auth/authenticate.ts";
import type { Principal, Scope } from "../auth/principal.ts";
import { Refusal, type RefusalCode, refusals } from "../domain/refusal.ts";
import type { SocketSide } from "../streams/socket.ts";

export interface AppEnv {
  /** What the server tells of the connection, and can do with it. */
  Bindings: {
    address?(): string;
    /** Makes the request a WebSocket; false where it is no handshake. */
    upgrade?(side: SocketSide): boolean;
    /** How long its connection may stand still, in seconds; 0 = as long as it likes. */
    patience?(seconds: number): void;
  };
  Variables: { requestId: string; authenticator: Authenticator };
}
/** Only what stands behind `guarded` has a principal; a route without it does not compile when it asks for one. */
export interface GuardedEnv {
  Bindings: AppEnv["Bindings"];
  Variables: AppEnv["Variables"] & { principal: Principal };
}
export type App = OpenAPIHono<AppEnv>;

export const apiBodyBytesMax = 64 * 1024;

/** Refuses larger bodies with 413, whether they say their length or not. */
export function bodyLimit(bytesMax: number): MiddlewareHandler {
  const detail = `The body has more than ${bytesMax} bytes.`;
  return limitBody({
    maxSize: bytesMax,
    onError: () => {
      throw new Refusal("too_large", detail);
    },
  });
}

/** Who asks, by an `Authorization` header; a Refusal where the key is none, or has none of these scopes. */
export async function askerOf(
  authenticator: Authenticator,
  header: string | undefined,
  anyOf: readonly Scope[],
): Promise<Principal> {
  const principal = await authenticator.principal(header);
  if (principal === null) throw new Refusal("unauthorized", "Give a valid key: Authorization: Bearer <key>.");
  if (!anyOf.some((scope) => principal.scopes.includes(scope)))
    throw new Refusal("forbidden", `The key lacks the scope ${anyOf.join(" or ")}.`);
  return principal;
}

/** Asks for a key with one of these scopes, then limits the body. To be spread into `createRoute`. */
export function guarded(...anyOf: [Scope, ...Scope[]]) {
  const limit = bodyLimit(apiBodyBytesMax);
  const middleware: MiddlewareHandler<GuardedEnv> = async (c, next) => {
    c.set("principal", await askerOf(c.get("authenticator"), c.req.header("authorization"), anyOf));
    return limit(c, next);
  };
  return { middleware, security: anyOf.map((scope) => ({ bearer: [scope] })) };
}

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().openapi({ description: "稳定的错误码 · a stable code to decide by" }),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    success: z.literal(false),
    message: z.string(),
    requestId: z.string(),
  })
  .openapi("Problem");

type ProblemAnswer = { description: string; content: { "application/problem+json": { schema: typeof problem } } };

/** What every guarded route may refuse. */
export const guardedProblems = ["unauthorized", "forbidden", "unavailable"] as const;

/** The responses of a route for the codes that it may refuse with. */
export function problems<Code extends RefusalCode>(
  ...codes: readonly Code[]
): Record<(typeof refusals)[Code]["status"], ProblemAnswer> {
  const answers: Record<number, ProblemAnswer> = {};
  for (const code of codes) {
    const { status, zh, en } = refusals[code];
    const before = answers[status] === undefined ? "" : `${answers[status].description}; `;
    answers[status] = {
      description: `${before}\`${code}\` ${zh} · ${en}`,
      content: { "application/problem+json": { schema: problem } },
    };
  }
  // Every status of the codes has been set above: that is the type.
  return answers as Record<(typeof refusals)[Code]["status"], ProblemAnswer>;
}

export function answer<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } };
}

export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { "application/json": { schema } } };
}
