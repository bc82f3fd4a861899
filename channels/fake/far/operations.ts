/** What the far side does when asked, once it knows by whom. */
import type { z } from "zod";
import { type Answer, json } from "../../kit/far/answer.ts";
import { readJson } from "../../kit/far/body.ts";
import { answerPlaced } from "../../kit/far/placed.ts";
import { tonalWav } from "../../kit/far/recording.ts";
import type { Far } from "../../kit/far/side.ts";
import { type FarCall, messageOf } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { playOf, type Script } from "./plan.ts";
import { controlRequest, hangupRequest, placeRequest, statesRequest } from "./request.ts";

export type Result = Record<string, unknown> & { code: string };

export interface Asked {
  account: string;
  url: URL;
  body: Buffer;
}

export type Operation = (asked: Asked) => Answer | Promise<Answer>;

export function openOperations(
  { timers, scriptOf }: Far<FarCall, Script>,
  calls: ReturnType<typeof openCalls>,
): Map<string, Operation> {
  const operations: Record<string, Operation> = {
    "GET /v1/account": ({ account }) => said({ code: "ok", account }),
    "POST /v1/calls": place,
    "GET /v1/calls/running": (asked) => list("running", asked),
    "GET /v1/calls/ended": (asked) => list("ended", asked),
    "POST /v1/calls/states": ({ account, body }) =>
      parsed(statesRequest, body, ({ callIds }) => {
        const known = callIds.map((callId) => calls.get(account, callId)).filter((call) => call !== undefined);
        return said({ code: "ok", states: known.map(messageOf) });
      }),
    "POST /v1/calls/hangup": ({ account, body }) =>
      parsed(hangupRequest, body, ({ callId }) => onLive(account, callId, calls.hangup)),
    "POST /v1/calls/control": ({ account, body }) =>
      parsed(controlRequest, body, ({ callId, action, to }) =>
        onLive(account, callId, (call) => call.controlled.push(to === null ? action : `${action} ${to}`)),
      ),
    "GET /v1/cdrs": ({ account, url }) => said({ code: "ok", ...calls.read(account, url.searchParams.get("after")) }),
    "GET /v1/recordings": recording,
  };

  function place({ account, body }: Asked): Answer | Promise<Answer> {
    return parsed(placeRequest, body, (order) => {
      const play = playOf(order.customer, order.answersAll, scriptOf(order.customer, order.callRef));
      if (play.answer === "refused") return said({ code: "E_REFUSED" });
      if (play.answer === "unavailable") return said({ code: "E_UNAVAILABLE" });
      const { callId } = calls.start(account, order, play);
      return answerPlaced(play, said({ code: "ok", callId }), order.customer, timers);
    });
  }

  function list(which: "running" | "ended", { account, url }: Asked): Answer {
    const { searchParams } = url;
    const found = calls.list(which, account, searchParams.get("callRef") ?? "", Number(searchParams.get("attempt")));
    return said({ code: "ok", ...found });
  }

  function onLive(account: string, callId: string, act: (call: FarCall) => void): Answer {
    const call = calls.get(account, callId);
    if (!call) return said({ code: "E_NOT_FOUND" });
    if (call.endedAt) return said({ code: "E_ENDED" });
    act(call);
    return said({ code: "ok" });
  }

  function recording({ account, url }: Asked): Answer {
    const callId = decodeURIComponent(url.pathname.slice("/v1/recordings/rec-".length));
    const call = calls.get(account, callId);
    if (!call || messageOf(call).recording === null) return said({ code: "E_NOT_FOUND" });
    return { status: 200, type: "audio/wav", body: tonalWav() };
  }

  return new Map(Object.entries(operations));
}

const statuses: Record<string, number> = {
  E_AUTH: 401,
  E_ENDED: 409,
  E_NOT_FOUND: 404,
  E_PARAMETER: 400,
  E_UNAVAILABLE: 503,
};

export function said(result: Result): Answer {
  return json(result, statuses[result.code] ?? 200);
}

type Act<T> = (request: T) => Answer | Promise<Answer>;

function parsed<T>(form: z.ZodType<T>, body: Buffer, act: Act<T>): Answer | Promise<Answer> {
  const result = form.safeParse(readJson(body));
  return result.success ? act(result.data) : said({ code: "E_PARAMETER" });
}
