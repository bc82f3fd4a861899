import { z } from "zod";

const text = (max: number) => z.string().min(1).max(max);

export const hwvoiceConfig = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .default("https://rtccall.cn-north-1.myhuaweicloud.cn:443")
    .meta({
      title: "APP 接入地址 · App address",
      description:
        "见应用管理页，每个应用可能不同 · From the console's application page; may differ for each application",
    }),
  appKey: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .meta({ title: "应用标识 · App key", description: "APP_Key，见应用管理页 · From the console's application page" }),
  appSecret: text(256).meta({
    title: "应用密钥 · App secret",
    description: "APP_Secret，用于签名 · Signs requests, and the pushes of newer accounts",
  }),
  displayNumber: z
    .string()
    .regex(/^(\+86\d{5,12}|9[56]\d{3,10})$/)
    .optional()
    .meta({
      title: "缺省显示号码 · Default shown number",
      description:
        "已订购的固话号码，如 +8675500001111；线路未设显示号码时使用 · A number ordered there; used where the line names none",
    }),
  auth: z.enum(["aksk", "wsse"]).default("aksk").meta({
    title: "鉴权方式 · Authentication",
    description: "新账户用 AKSK，旧账户用 WSSE · AKSK for present accounts, WSSE for old ones",
  }),
  createdClock: z.enum(["utc", "utc+8"]).default("utc").meta({
    title: "签名时钟 · Clock of signatures",
    description: "厂商文档两说并存；返回 1010013 时换另一种 · The vendor's pages disagree; change it on code 1010013",
  }),
  statusClock: z.enum(["utc", "utc+8", "arrival"]).default("utc").meta({
    title: "状态通知时钟 · Clock of status pushes",
    description:
      "文档未写明；arrival 表示以到达时间为准，话单到后校正 · Not documented; arrival = when it reached us, until the CDR",
  }),
  callbackAuth: z.enum(["none", "aksk-v1", "aksk-v2"]).default("none").meta({
    title: "推送鉴权 · Signature of pushes",
    description:
      "2026 版文档为 aksk-v2，2022 版为 aksk-v1；none 只凭回调地址中的令牌 · none relies on the token in the address alone",
  }),
  recordingHost: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/)
    .max(253)
    .default("myhuaweicloud.com")
    .meta({
      title: "录音域名 · Recording host",
      description:
        "话单直接给出录音地址时，只从该域名（含子域名）下载 · Where a CDR names a recording's address: this host and those below it",
    }),
});
export type HwvoiceConfig = z.output<typeof hwvoiceConfig>;
