/** The forms of a line: as it comes in, as it goes out. */
import { z } from "@hono/zod-openapi";
import type { LinePrice } from "../../db/schema/index.ts";
import { readNetwork } from "../guard/addresses.ts";
import { moment, text } from "./fields.ts";

const legPrice = z.strictObject({
  perMinute: z.string().regex(/^\d{1,6}(\.\d{1,6})?$/),
  firstIncrement: z.int().min(1).max(3_600).openapi({ description: "首个计费单位，秒 · first increment, seconds" }),
  nextIncrement: z.int().min(1).max(3_600).openapi({ description: "后续计费单位，秒 · next increments, seconds" }),
});
const price = z
  .strictObject({
    currency: z.string().regex(/^[A-Z]{3}$/),
    a: legPrice.optional(),
    b: legPrice.optional(),
    monthlyRent: z
      .string()
      .regex(/^\d{1,8}(\.\d{1,6})?$/)
      .optional(),
  })
  .openapi("LinePrice");

/** Bits that a network has to fix: what holds half of the world proves nothing. */
const prefixMin = { ipv4: 8, ipv6: 16 };
const network = z
  .string()
  .max(64)
  .refine(
    (written) => {
      try {
        const [address, bits] = readNetwork(written);
        return bits >= prefixMin[address.kind()];
      } catch {
        return false;
      }
    },
    {
      error: "不是地址，也不是够小的网段 · neither an address nor a network that is small enough, like 203.0.113.0/24",
    },
  );

const fields = {
  callerNumber: z
    .string()
    .max(32)
    .nullish()
    .openapi({ description: "外显号码 · the number shown", example: "010 8888 8888" }),
  webhookSecret: z
    .string()
    .min(8)
    .max(256)
    .nullish()
    .openapi({ description: "固定回调地址的签名密钥，只写 · signs pushes to the fixed paths; write-only" }),
  webhookSenders: z
    .array(network)
    .max(32)
    .nullish()
    .openapi({
      description:
        "固定回调地址的来源白名单：来自这些地址、且指明账户的推送无须签名 · whence pushes to the fixed paths come: from " +
        "there, and with its account named, a push needs no signature",
      example: ["203.0.113.7", "198.51.100.0/24"],
    }),
  status: z.enum(["active", "inactive"]).optional(),
  maxConcurrent: z.int().min(0).max(100_000).optional().openapi({ description: "0 不限 · 0 = no limit" }),
  perSecond: z
    .int()
    .min(0)
    .max(1_000)
    .optional()
    .openapi({ description: "每秒呼叫数，0 不限 · placements a second; 0 = no limit" }),
  dailyLimit: z.int().min(0).max(100_000_000).optional().openapi({ description: "0 不限 · 0 = no limit" }),
  price: price
    .transform(
      ({ currency, a, b, monthlyRent }): LinePrice => ({
        currency,
        ...(a && { a }),
        ...(b && { b }),
        ...(monthlyRent && { monthlyRent }),
      }),
    )
    .nullish(),
};
const providerConfig = z.record(z.string(), z.unknown()).openapi({
  description:
    "按 GET /api/v1/channels 给出的 JSON Schema 填写 · as the channel's JSON Schema of GET /api/v1/channels says",
});
const providerType = z.string().min(1).max(8).openapi({ description: "渠道 · the channel", example: "fake" });

export const newLine = z.strictObject({ name: text(100), providerType, providerConfig, ...fields });
export const lineChange = z.strictObject({
  name: text(100).optional(),
  providerConfig: providerConfig.optional(),
  ...fields,
});
/** The form of a line before it is saved: a test needs no more of it than the provider's part. */
export const unsavedLine = z.strictObject({
  name: z.string().max(100).optional(),
  providerType,
  providerConfig,
  ...fields,
});

export const lineView = z
  .object({
    id: z.int(),
    name: z.string(),
    providerType: z.string(),
    callerNumber: z.string().nullable(),
    status: z.enum(["active", "inactive"]),
    maxConcurrent: z.int(),
    currentConcurrent: z.int(),
    dailyLimit: z.int(),
    perSecond: z.int(),
    todayCount: z.int(),
    health: z.string().openapi({ description: "up · degraded · down · held" }),
    simulated: z.boolean().openapi({ description: "模拟线路，不响任何电话 · rings no phone" }),
    price: price.nullable(),
    providerConfig: z.record(z.string(), z.unknown()).openapi({ description: "不含密钥字段 · without secret fields" }),
    secretsSet: z.array(z.string()).openapi({ description: "已填写的密钥字段 · secret fields that are set" }),
    webhookUrl: z.string().openapi({ description: "填到服务商后台的回调地址 · to be entered at the provider" }),
    webhookSecretSet: z.boolean(),
    webhookSenders: z.array(z.string()),
    can: z
      .object({
        honours: z.array(z.string()),
        controls: z.array(z.string()),
        hangup: z.boolean(),
        live: z.enum(["reliable", "lossy", "none"]),
        neverTold: z.array(z.string()).openapi({
          description: "话单中该服务商从不提供的字段 · fields of the record that this provider never tells",
        }),
      })
      .nullable()
      .openapi({ description: "线路支持的字段与操作 · fields and actions that the line honours" }),
    created: moment,
    updated: moment,
    archived: moment.nullable(),
  })
  .openapi("Line");
