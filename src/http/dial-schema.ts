import { z } from "@hono/zod-openapi";
import { text, webAddress } from "./fields.ts";

const phoneText = z.string().min(3).max(32);
const bizDataCharsMax = 8_192;
const bizDataDepthMax = 64;

function isShallow(value: unknown, depthMax: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depthMax > 0 && Object.values(value).every((inner) => isShallow(inner, depthMax - 1));
}

const asked = {
  customerPhone: phoneText.openapi({ description: "客户电话（B 路）· the customer, leg B", example: "13900000000" }),
  userId: text(64).optional().openapi({ description: "业务系统的用户 · the business system's user" }),
  agent: text(64).optional().openapi({ description: "坐席编号或电话（A 路）· an agent's id or a phone number, leg A" }),
  callMethod: z.enum(["auto", "cloud", "mobile", "sip"]).default("auto"),
  channel: z
    .string()
    .regex(/^[a-z0-9]{1,8}$/)
    .optional()
    .openapi({ description: "只用该渠道 · only this channel" }),
  lineId: z.int().positive().optional().openapi({ description: "只用该线路，不切换 · only this line, no failover" }),
  privacy: z
    .boolean()
    .optional()
    .openapi({ description: "隐私：坐席看不到客户号码 · the agent does not see the number" }),
  record: z.boolean().optional().openapi({ description: "录音 · record the call" }),
  displayNumber: phoneText.optional().openapi({ description: "外显号码 · the number to show" }),
  mainNum: z
    .string()
    .regex(/^\d{3,16}$/)
    .optional()
    .openapi({ description: "400 商户号码" }),
  extNum: z
    .string()
    .regex(/^\d{1,8}$/)
    .optional()
    .openapi({ description: "400 商户分机号" }),
  ivrUrl: webAddress(512).optional().openapi({ description: "IVR 语音地址 · IVR sound" }),
  ivrText: z.string().min(1).max(1_000).optional().openapi({ description: "IVR 文本 · IVR text" }),
};

export const dialRequest = z
  .strictObject({
    ...asked,
    customerId: text(64).optional(),
    customerName: text(100).optional(),
    orderId: text(64).optional(),
    bizId: text(128).optional().openapi({ description: "业务编号 · your own id" }),
    // Came as JSON, so it is JSON. How deep it is stands before everything that would follow it down.
    bizData: z
      .unknown()
      .refine((value) => isShallow(value, bizDataDepthMax), {
        error: `最多 ${bizDataDepthMax} 层 · nested too deep`,
        abort: true,
      })
      .refine((value) => JSON.stringify(value).length <= bizDataCharsMax, `最多 ${bizDataCharsMax} 字符 · too long`)
      .optional()
      .openapi({ type: "object", description: "业务数据，原样返回 · your own data, given back as it is" }),
    placeWithin: z.number().min(0).max(120).default(30).openapi({
      description: "多少秒内可尝试其他线路 · seconds in which further lines may be tried",
    }),
    ringTimeout: z.int().min(5).max(120).optional().openapi({ description: "每路振铃秒数 · seconds a leg may ring" }),
    maxDuration: z
      .int()
      .min(60)
      .max(14_400)
      .optional()
      .openapi({ description: "最长通话秒数 · seconds of talk at most" }),
  })
  .openapi("DialRequest");

export const explainRequest = z
  .strictObject({ ...asked, customerPhone: asked.customerPhone.optional() })
  .openapi("ExplainRequest");

export const dialAnswer = z
  .object({
    success: z.literal(true),
    callId: z.string().openapi({ example: "call_20260101_0a1b2c0123456789" }),
    status: z.enum(["calling", "ringing", "connected", "ended"]),
    message: z.string(),
  })
  .openapi("DialAnswer");

/** A visible key of printable ASCII, as most clients make them. */
export const idempotencyHeader = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .optional()
    .openapi({
      description: "同一键重复请求不会再次呼叫，至少保留 7 天 · the same key never dials twice; kept at least 7 days",
    }),
});
