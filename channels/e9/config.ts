import { z } from "zod";

export const e9Config = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .default("https://api.33e9cloud.com")
    .meta({
      title: "接口地址 · API address",
      description: "玖云 Rest API 的地址 · Where the provider's REST API listens",
    }),
  accountSid: z
    .string()
    .regex(/^[0-9A-Za-z]{32}$/)
    .meta({
      title: "账户 SID · Account SID",
      description: "32 位，见控制台 · 32 characters, from the provider's console",
    }),
  authToken: z.string().min(8).max(128).meta({
    title: "账户令牌 · Auth token",
    description: "用于签名，见控制台 · Signs every request; from the provider's console",
  }),
  appId: z
    .string()
    .regex(/^[0-9A-Za-z]{1,32}$/)
    .meta({
      title: "应用 ID · App id",
      description: "回调地址须配置在该应用上 · The app at the provider on which our webhook address has to be entered",
    }),
  // The introduction page writes `callback`, the page of the call itself `callBack`.
  callbackPath: z.enum(["callBack", "callback"]).default("callBack").meta({
    title: "回拨接口路径 · Callback path",
    description: "服务商文档有两种写法 · The provider's pages spell it in two ways",
  }),
  recordingHost: z
    .string()
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/)
    .max(253)
    .default("33e9cloud.com")
    .meta({
      title: "录音域名 · Recording host",
      description:
        "只从该域名（含子域名）下载录音 · Recordings are fetched from this host and those below it, and nowhere else",
    }),
});
export type E9Config = z.output<typeof e9Config>;
