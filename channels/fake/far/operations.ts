/** What the far side does when asked, once it knows by whom. */
import type { ServerResponse } from "node:http";
import type { z } from "zod";
import { type FarCall, messageOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { type Play, playOf, type Script } from "./plan.ts";
import { recordingWav } from "./recording.ts";
import { controlRequest, hangupRequest, placeRequest, statesRequest } from "./request.ts";

export type Result = Record<string, unknown> & { code: string };

export interface Asked {
  account: string;
  url: URL;
  body: Buffer;
  response: ServerResponse;
}

/** null where the answer is lost, comes later, or has been written already. */
export type Operation = (asked: Asked) => Result | null;

export function openOperations(
  calls: ReturnType<typeof openCalls>,
  scriptFor: (callRef: string, customer: string) => Script,
) {
  const timers = new Set<ReturnType<typeof setTimeout>>();

  const operations: Record<string, Operation> = {
    "GET /v1/account": ({ account }) => ({ code: "ok", account }),
    "POST /v1/calls": place,
    "GET /v1/calls/running": (asked) => list("running", asked),
    "GET /v1/calls/ended": (asked) => list("ended", asked),
    "POST /v1/calls/states": ({ account, body }) =>
      parsed(statesRequest, body, ({ callIds }) => {
        const known = callIds.map((callId) => calls.get(account, callId)).filter((call) => call !== undefined);
        return { code: "ok", states: known.map(messageOf) };
      }),
    "POST /v1/calls/hangup": ({ account, body }) =>
      parsed(hangupRequest, body, ({ callId }) => onLive(account, callId, calls.hangup)),
    "POST /v1/calls/control": ({ account, body }) =>
      parsed(controlRequest, body, ({ callId, action, to }) =>
        onLive(account, callId, (call) => call.controlled.push(to === null ? action : `${action} ${to}`)),
      ),
    "GET /v1/cdrs": ({ account, url }) => ({ code: "ok", ...calls.read(account, url.searchParams.get("after")) }),
    "GET /v1/recordings": recording,
  };

  function place({ account, body, response }: Asked): Result | null {
    return parsed(placeRequest, body, (order) => {
      const play = playOf(order.customer, order.answersAll, scriptFor(order.callRef, order.customer));
      if (play.answer === "refused") return { code: "E_REFUSED" };
      if (play.answer === "unavailable") return { code: "E_UNAVAILABLE" };
      const call = calls.start(account, order, play);
      if (!play.answerAfterMs) return answerPlace(call, play, response);
      const timer = setTimeout(() => {
        timers.delete(timer);
        const result = answerPlace(call, play, response);
        if (result) write(response, result);
      }, play.answerAfterMs);
      timers.add(timer);
      return null;
    });
  }

  function list(which: "running" | "ended", { account, url }: Asked): Result {
    const { searchParams } = url;
    const found = calls.list(which, account, searchParams.get("callRef") ?? "", Number(searchParams.get("attempt")));
    return { code: "ok", ...found };
  }

  function onLive(account: string, callId: string, act: (call: FarCall) => void): Result {
    const call = calls.get(account, callId);
    if (!call) return { code: "E_NOT_FOUND" };
    if (call.endedAt) return { code: "E_ENDED" };
    act(call);
    return { code: "ok" };
  }

  function recording({ account, url, response }: Asked): Result | null {
    const callId = decodeURIComponent(url.pathname.slice("/v1/recordings/rec-".length));
    const call = calls.get(account, callId);
    if (!call || messageOf(call).recording === null) return { code: "E_NOT_FOUND" };
    response.writeHead(200, { "content-type": "audio/wav" }).end(recordingWav());
    return null;
  }

  return {
    named: (name: string): Operation | undefined => (Object.hasOwn(operations, name) ? operations[name] : undefined),
    stop(): void {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}

const statuses: Record<string, number> = {
  E_AUTH: 401,
  E_ENDED: 409,
  E_NOT_FOUND: 404,
  E_PARAMETER: 400,
  E_UNAVAILABLE: 503,
};

export function write(response: ServerResponse, result: Result): void {
  response.writeHead(statuses[result.code] ?? 200, { "content-type": "application/json" });
  response.end(JSON.stringify(result));
}

function answerPlace(call: FarCall, play: Play, response: ServerResponse): Result | null {
  if (play.answer === "lost") response.socket?.destroy();
  if (play.answer === "garbage") response.writeHead(200).end(`<html>${call.order.customer} accepted`);
  return play.answer === "normal" ? { code: "ok", callId: call.callId } : null;
}

function parsed<T>(form: z.ZodType<T>, body: Buffer, act: (request: T) => Result | null): Result | null {
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return { code: "E_PARAMETER" };
  }
  const result = form.safeParse(value);
  return result.success ? act(result.data) : { code: "E_PARAMETER" };
}
