/** Health of channels and lines, and what operators do about it. */
import { createRoute, z } from "@hono/zod-openapi";
import type { CallContext } from "../calls/context.ts";
import { causes } from "../health/cause.ts";
import { type LineHealthView, showHealth } from "../health/show.ts";
import type { Line } from "../lines/directory.ts";
import { noLine } from "../lines/lines.ts";
import { scrub } from "../log.ts";
import { lineNumber, moment, text } from "./fields.ts";
import { type App, answer, guarded, guardedProblems, jsonBody, problems } from "./route.ts";

const tags = ["运行 · Operations"];
const params = z.object({ id: lineNumber });
const state = z.enum(["up", "degraded", "down", "held"]);
const words = z.object({ zh: z.string(), en: z.string() });
const share = z.number().min(0).max(1);

const transition = z.object({
  from: state,
  to: state,
  cause: z.string(),
  words,
  reason: z.string().nullable(),
  at: moment,
});

const evidence = z.object({
  asr: share.nullable().openapi({ description: "最近通话的接通率 · answered, of the last ended calls" }),
  usualAsr: share.nullable(),
  pddP50Ms: z.number().nullable().openapi({ description: "振铃延迟中位数 · median from sending to ringing" }),
  usualPddMs: z.number().nullable(),
  errorShare: share.openapi({ description: "最近发起失败的比例 · failures among the last placements" }),
  usualErrorShare: share,
  failuresInARow: z.int(),
  slowestPlacementMs: z.number().nullable(),
  silentCalls: z.int().openapi({ description: "已接受却无消息的呼叫 · accepted, and no news for longer than ever" }),
  lastHeard: moment.nullable(),
  missedProbes: z.int(),
  lastProbe: moment.nullable(),
  pollLagMs: z.number(),
});

const lineHealth = z
  .object({
    lineId: z.int(),
    name: z.string(),
    status: z.enum(["active", "inactive"]),
    health: state,
    since: moment,
    cause: z
      .string()
      .nullable()
      .openapi({ description: causes.join(", ") }),
    words: words.nullable().openapi({ description: "发生了什么、怎么办 · what happened, and what to do" }),
    reason: z.string().nullable().openapi({ description: "运维填写的原因 · the operator's words" }),
    heldBy: z.string().nullable().openapi({ description: "暂停它的密钥 · the key that holds it" }),
    share: share.openapi({ description: "可承担的呼叫比例 · how much of its calls it may have now" }),
    trial: z.boolean().openapi({ description: "可试拨一通 · one call may try it now" }),
    uncertain: z.boolean().openapi({ description: "近期失败的结果未知 · its last failures left outcomes unknown" }),
    nextTry: moment.nullable(),
    evidence,
    transitions: z.array(transition).openapi({ description: "最近 20 次，新的在前 · the last 20, newest first" }),
  })
  .openapi("LineHealth");

const channels = z.object({
  channels: z.array(z.object({ channel: z.string(), health: state.nullable(), lines: z.array(lineHealth) })),
});
const acted = z.object({ success: z.literal(true), line: lineHealth });
const probed = z.object({ success: z.boolean(), latency: z.int(), message: z.string(), line: lineHealth });

export function lineHealthRoutes(app: App, calls: CallContext): void {
  const { directory, health } = calls;

  async function lineOf(tenant: string, id: number): Promise<Line> {
    const line = await directory.line(tenant, id);
    if (line === null || line.archived) throw noLine();
    return line;
  }

  async function show(line: Line): Promise<LineHealthView> {
    const shown = await showHealth(calls, line.tenant, [line], health.lagMs());
    const view = shown[0]?.lines[0];
    if (view === undefined) throw noLine();
    return view;
  }

  app.openapi(
    createRoute({
      ...guarded("ops"),
      method: "get",
      path: "/api/v1/health/channels",
      tags,
      summary: "渠道与线路健康 · Health of channels and lines",
      description:
        "所有实例共同的判断、依据与最近变化。 · What all instances together hold of each line, why, and its last changes.",
      responses: { 200: answer(channels, "渠道 · the channels"), ...problems(...guardedProblems) },
    }),
    async (c) => {
      const { tenant } = c.get("principal");
      const lines = await directory.linesOf(tenant);
      await health.flush();
      return c.json({ channels: await showHealth(calls, tenant, lines, health.lagMs()) }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("ops"),
      method: "post",
      path: "/api/v1/health/lines/{id}/hold",
      tags,
      summary: "暂停线路 · Hold a line",
      description:
        "不再用于新呼叫，直到解除；进行中的通话不受影响。 · No new calls until it is released; running ones go on.",
      request: { params, body: jsonBody(z.strictObject({ reason: text(200) })) },
      responses: {
        200: answer(acted, "已暂停 · held"),
        ...problems(...guardedProblems, "malformed", "not_found", "too_large", "invalid"),
      },
    }),
    async (c) => {
      const { tenant, keyId } = c.get("principal");
      const line = await lineOf(tenant, c.req.valid("param").id);
      await health.hold(line, keyId, scrub(c.req.valid("json").reason));
      return c.json({ success: true as const, line: await show(line) }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("ops"),
      method: "post",
      path: "/api/v1/health/lines/{id}/release",
      tags,
      summary: "解除暂停 · Release a line",
      description: "在 60 秒内从 10 % 恢复到全部份额。 · Its share grows from 10 % to the whole in 60 s.",
      request: { params },
      responses: { 200: answer(acted, "已解除 · released"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => {
      const line = await lineOf(c.get("principal").tenant, c.req.valid("param").id);
      await health.release(line);
      return c.json({ success: true as const, line: await show(line) }, 200);
    },
  );

  app.openapi(
    createRoute({
      ...guarded("ops"),
      method: "post",
      path: "/api/v1/health/lines/{id}/probe",
      tags,
      summary: "立即探测 · Probe a line now",
      description: "只验证连通与凭证，不响任何电话；结果计入健康。 · Rings nobody; what it finds counts.",
      request: { params },
      responses: { 200: answer(probed, "结果 · how it went"), ...problems(...guardedProblems, "not_found") },
    }),
    async (c) => {
      const line = await lineOf(c.get("principal").tenant, c.req.valid("param").id);
      const result = await health.probeNow(line);
      return c.json({ ...result, line: await show(line) }, 200);
    },
  );
}
