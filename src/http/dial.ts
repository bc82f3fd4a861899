import { createRoute, z } from "@hono/zod-openapi";
import type { CallContext } from "../calls/context.ts";
import { type DialRequest, dial, phoneField, usedFields } from "../calls/dial.ts";
import { lineStates } from "../calls/line-states.ts";
import { planStatus, type RecordRow, recordOf } from "../calls/view.ts";
import { Refusal } from "../domain/refusal.ts";
import { route } from "../routing/wish.ts";
import { dialAnswer, dialRequest, explainRequest, idempotencyHeader } from "./dial-schema.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";
import { routeView } from "./route-schema.ts";

const tags = ["通话 · Calls"];
/** An explanation is no call: asked twice, it says the same twice. */
const explainSeed = "explain";

export function dialRoutes(app: App, calls: CallContext) {
  return app
    .openapi(
      createRoute({
        ...guarded("call"),
        method: "post",
        path: "/api/v1/calls/dial",
        tags,
        summary: "发起回拨 · Place a callback",
        description:
          "先呼坐席，再呼客户，然后接通。 · Rings the agent, then the customer, and joins them. 200: a line said yes. 202: not known yet, or waiting for a line; poll the status.",
        request: { headers: idempotencyHeader, body: jsonBody(dialRequest) },
        responses: {
          200: answer(dialAnswer, "线路已接受 · a line said yes"),
          202: answer(dialAnswer, "结果未知或排队中 · outcome not known yet, or waiting for a line"),
          ...problems(
            ...guardedProblems,
            "malformed",
            "too_large",
            "agent_busy",
            "idempotency_conflict",
            "invalid",
            "no_agent",
            "no_line",
            "field_not_honoured",
            "blacklisted",
            "outside_window",
            "too_frequent",
            "limit_reached",
            "no_line_left",
          ),
        },
      }),
      async (c) => {
        const { tenant } = c.get("principal");
        const request: DialRequest = c.req.valid("json");
        const key = c.req.valid("header")["idempotency-key"] ?? null;
        const { callId, replayed, state } = await dial(calls, tenant, request, key);
        if (replayed) c.header("idempotency-replayed", "true");
        const told = toldOf(callId, state ?? (await recordOf(calls, tenant, callId)));
        return c.json(told.body, told.code);
      },
    )
    .openapi(
      createRoute({
        ...guarded("call", "read"),
        method: "post",
        path: "/api/v1/routes/explain",
        tags,
        summary: "解释选路（不拨号）· Explain the route without dialing",
        request: { body: jsonBody(explainRequest) },
        responses: {
          200: answer(
            z.object({ ...routeView, agent: z.string().nullable() }).openapi("RouteExplanation"),
            "线路与原因 · lines and reasons",
          ),
          ...problems(...guardedProblems, "malformed", "too_large", "invalid"),
        },
      }),
      async (c) => {
        const { tenant } = c.get("principal");
        const { customerPhone, ...asked } = c.req.valid("json");
        const customer = customerPhone === undefined ? null : phoneField("customerPhone", customerPhone);
        const wish = { ...asked, customerPhone: "", placeWithin: 0 };
        const settings = await calls.settingsOf(tenant);
        const fields = (privacy: boolean | null) => usedFields(wish, privacy, settings);
        const request = {
          ...wish,
          fields,
          customer,
          seed: explainSeed,
          everyLine: true,
          stateOf: await lineStates(calls, tenant),
        };
        const found = await route(calls, calls.directory, tenant, request);
        const candidates = found.candidates.map((one) => one.lineId);
        return c.json({ candidates, considered: found.considered, others: [], agent: found.agent?.id ?? null }, 200);
      },
    );
}

/** The answer to a dial, built from the record as it is now: a replay says what has become of the call. */
function toldOf(
  callId: string,
  record: Pick<RecordRow, "state" | "status" | "providerCallId" | "hangupCause">,
): { code: 200 | 202; body: z.infer<typeof dialAnswer> } {
  const refused = record.status === "failed" && record.providerCallId === null && record.hangupCause !== "TIMEOUT";
  if (refused) {
    throw new Refusal("no_line_left", "每条线路都拒绝了这通呼叫 · every line that could be tried said no", {
      more: { callId },
      retryAfterSeconds: 5,
    });
  }
  const { status } = planStatus(record.status as Parameters<typeof planStatus>[0]);
  const known = record.providerCallId !== null || record.state === "close";
  const message = known
    ? "呼叫已发起 · the call is under way"
    : record.status === "pending"
      ? "排队等待线路 · waiting for a line"
      : "结果未知，请查询状态 · outcome not known yet, poll the status";
  return {
    code: known ? 200 : 202,
    body: { success: true, callId, status: status as z.infer<typeof dialAnswer>["status"], message },
  };
}
