import { createRoute, z } from "@hono/zod-openapi";
import { settingsOf } from "../auth/tenants.ts";
import type { CallContext } from "../calls/context.ts";
import { type DialRequest, dial, usedFields } from "../calls/dial.ts";
import { planStatus, recordOf } from "../calls/view.ts";
import { Refusal } from "../domain/refusal.ts";
import { route } from "../routing/wish.ts";
import { dialAnswer, dialRequest, explainRequest, idempotencyHeader } from "./dial-schema.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";

const tags = ["通话 · Calls"];

const considered = z
  .object({
    lineId: z.int(),
    name: z.string(),
    channel: z.string(),
    taken: z.boolean(),
    reason: z.string().nullable(),
    field: z.string().optional(),
  })
  .openapi("ConsideredLine");

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
          "先呼坐席，再呼客户，然后接通。 · Rings the agent, then the customer, and joins them. 200: a line said yes. 202: the outcome is not known yet; poll the status.",
        request: { headers: idempotencyHeader, body: jsonBody(dialRequest) },
        responses: {
          200: answer(dialAnswer, "线路已接受 · a line said yes"),
          202: answer(dialAnswer, "结果未知 · outcome not known yet"),
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
            "no_line_left",
          ),
        },
      }),
      async (c) => {
        const { tenant } = c.get("principal");
        const request: DialRequest = c.req.valid("json");
        const key = c.req.valid("header")["idempotency-key"] ?? null;
        const { callId, replayed } = await dial(calls, tenant, request, key);
        if (replayed) c.header("idempotency-replayed", "true");
        const told = await toldOf(calls, tenant, callId);
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
            z.object({ candidates: z.array(z.int()), considered: z.array(considered), agent: z.string().nullable() }),
            "线路与原因 · lines and reasons",
          ),
          ...problems(...guardedProblems, "malformed", "too_large", "invalid"),
        },
      }),
      async (c) => {
        const { tenant } = c.get("principal");
        const wish = { ...c.req.valid("json"), customerPhone: "", placeWithin: 0 };
        const settings = await settingsOf(calls, tenant);
        const fields = (privacy: boolean | null) => usedFields(wish, privacy, settings);
        const found = await route(calls, calls.directory, tenant, { ...wish, fields });
        return c.json(
          { candidates: found.candidates, considered: found.considered, agent: found.agent?.id ?? null },
          200,
        );
      },
    );
}

/** The answer to a dial, built from the record, so that a replay says what is true now. */
async function toldOf(
  calls: CallContext,
  tenant: string,
  callId: string,
): Promise<{ code: 200 | 202; body: z.infer<typeof dialAnswer> }> {
  const row = await recordOf(calls, tenant, callId);
  const refused = row.status === "failed" && row.providerCallId === null && row.hangupCause !== "TIMEOUT";
  if (refused) {
    throw new Refusal("no_line_left", "每条线路都拒绝了这通呼叫 · every line that could be tried said no", {
      more: { callId },
      retryAfterSeconds: 5,
    });
  }
  const { status } = planStatus(row.status as Parameters<typeof planStatus>[0]);
  const known = row.providerCallId !== null || row.state === "close";
  const message = known
    ? "呼叫已发起 · the call is under way"
    : "结果未知，请查询状态 · outcome not known yet, poll the status";
  return {
    code: known ? 200 : 202,
    body: { success: true, callId, status: status as z.infer<typeof dialAnswer>["status"], message },
  };
}
