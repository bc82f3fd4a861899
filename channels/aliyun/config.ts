import { z } from "zod";
import { rereadFields } from "../kit/reread.ts";

export const aliyunConfig = z.strictObject({
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .default("https://ccc.cn-shanghai.aliyuncs.com")
    .meta({
      title: "接口地址 · API address",
      description: "云呼叫中心的接入地址 · The endpoint of Cloud Call Center in the instance's region",
    }),
  accessKeyId: z
    .string()
    .regex(/^[\w.-]{8,128}$/)
    .meta({ title: "AccessKey ID", description: "RAM 用户的 AccessKey ID · Of a RAM user who may use CCC" }),
  accessKeySecret: z.string().min(8).max(128).meta({
    title: "AccessKey Secret",
    description: "用于请求签名 · Signs every request",
  }),
  instanceId: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .meta({ title: "实例 ID · Instance id", description: "云呼叫中心实例 · The call center's instance" }),
  news: z.enum(["pushed", "asked"]).default("pushed").meta({
    title: "事件来源 · Where events come from",
    description:
      "pushed：事件推送到回调地址；asked：用 ListNotificationRecords 查询 · pushed to our webhook address, or read back by asking",
  }),
  recorded: z.boolean().default(false).meta({
    title: "实例已开通录音 · Calls are recorded",
    description: "双呼接口没有录音参数 · No field of a call asks for it: the instance records, or does not",
  }),
  timeoutCovers: z.enum(["leg", "both"]).default("leg").meta({
    title: "呼叫超时的含义 · What TimeoutSeconds covers",
    description: "厂商未说明是每一路还是整通 · One leg's ringing, or both legs together: the vendor does not say",
  }),
  successMeansTalk: z.boolean().default(true).meta({
    title: "话单 Success 即双方通话 · Success means that both talked",
    description: "关闭后仅凭事件判断客户是否接听 · Where it is off, only events tell that the customer answered",
  }),
  releaseDeviceId: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .optional()
    .meta({
      title: "挂断用设备号 · Device id of ReleaseCall",
      description: "旧版接口必填，值任意 · Older versions demand one, with any value",
    }),
  followPerMinute: z.int().min(1).max(60_000).default(300).meta({
    title: "每分钟查询数 · Queries a minute",
    description: "厂商未公布限额 · The vendor publishes no limit",
  }),
  followEverySeconds: z.number().min(0.05).max(600).default(3).meta({
    title: "事件查询间隔（秒） · Seconds between two queries of a call",
    description: "仅用于 asked · Where events are asked for",
  }),
  feedPerMinute: z.int().min(1).max(6_000).default(4).meta({
    title: "每分钟话单查询数 · CDR pages a minute",
    description: "每次一页，至多 100 条 · One page each, of at most 100 records",
  }),
  ...rereadFields,
});
export type AliyunConfig = z.output<typeof aliyunConfig>;
