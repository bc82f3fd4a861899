/** How a choice of lines is shown: without dialing, and with a call that was placed. */
import { z } from "@hono/zod-openapi";
import { orderFields } from "../../channels/contract.ts";
import { behinds } from "../routing/rank.ts";
import { reasons } from "../routing/refuse.ts";

const reason = z.enum(reasons).openapi({ description: "未选用的原因，稳定的代码 · why not; stable codes" });
const field = z
  .enum(orderFields)
  .optional()
  .openapi({ description: "线路不支持的字段 · the field it does not honour" });

const considered = z
  .object({
    lineId: z.int(),
    name: z.string(),
    channel: z.string(),
    taken: z.boolean(),
    reason: reason.nullable(),
    field,
    estimate: z
      .object({ amount: z.string(), currency: z.string() })
      .optional()
      .openapi({ description: "一通典型呼叫两路的费用 · both legs of a typical call" }),
    keepsNumber: z
      .literal(true)
      .optional()
      .openapi({ description: "沿用客户上次看到的号码 · shows the number that the customer saw last" }),
    behind: z
      .enum(behinds)
      .optional()
      .openapi({ description: "可用但排在其他线路之后的原因 · usable, but why it stands behind the others" }),
    trial: z
      .literal(true)
      .optional()
      .openapi({ description: "恢复前的一次试呼 · one trial call decides whether it is well" }),
    inNeed: z
      .literal(true)
      .optional()
      .openapi({ description: "没有健康线路，取病得最轻的 · no line is well, so the least sick are used" }),
  })
  .openapi("ConsideredLine");

export const routeView = {
  candidates: z.array(z.int()).openapi({ description: "按此顺序尝试的线路 · lines to try, in this order" }),
  considered: z.array(considered),
  others: z
    .array(z.object({ reason, field, count: z.int() }))
    .openapi({ description: "未逐条列出的线路，按原因计数 · lines that are not listed one by one, by reason" }),
};

export const callRoute = z
  .object({
    callId: z.string(),
    ...routeView,
    attempts: z.array(
      z.object({
        number: z.int(),
        lineId: z.int(),
        channel: z.string(),
        outcome: z.enum(["sent", "placed", "refused", "unknown", "absent"]),
        errorKind: z.string().nullable(),
        errorCause: z.string().nullable(),
        errorCode: z.string().nullable(),
        providerCallId: z.string().nullable(),
        sent: z.string(),
        settled: z.string().nullable(),
        deciding: z.boolean(),
      }),
    ),
  })
  .openapi("CallRoute");
