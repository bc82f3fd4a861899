/** What every request gets, by whichever way it comes: an id, one log line with the route's pattern, safe headers. */
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import { errorFields } from "../log.ts";
import { isOurFault, toRefusal } from "./problem.ts";

export const safeHeaders = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
} as const;

/** Told of every answer, with the route's pattern. */
export type Answered = (request: { method: string; route: string; status: number; seconds: number }) => void;

interface About {
  method: string;
  route: string;
  requestId: string;
}

/** A caller's own id is kept where it can hold neither a phone number nor anything that breaks a log line. */
export function requestIdOf(ctx: Context, given: string | null | undefined): string {
  if (given != null && /^[\w.-]{8,64}$/.test(given) && !/\d{11}/.test(given)) return given;
  return `req_${randomLetters(20, ctx.randomBytes)}`;
}

export function logAnswer(ctx: Context, answered: Answered | undefined, about: About, status: number, began: number) {
  const ms = Math.round(ctx.clock.now().getTime() - began);
  const { method, route, requestId } = about;
  ctx.log.debug({ method, route, status, ms, requestId }, "request");
  answered?.({ method, route, status, seconds: ms / 1000 });
}

/** Only of what is our fault: a refusal is the asker's business. */
export function logFault(ctx: Context, error: unknown, about: About): void {
  const { code } = toRefusal(error);
  if (!isOurFault(code)) return;
  const fields = { ...errorFields(error), ...about };
  if (code === "internal") ctx.log.error(fields, "request failed");
  else ctx.log.warn(fields, "request refused: the database is away");
}
