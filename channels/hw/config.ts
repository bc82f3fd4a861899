import { z } from "zod";
import { rereadFields } from "../kit/reread.ts";

const address = z.url({ protocol: /^https?$/ });

export const hwConfig = z.strictObject({
  domain: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{0,252}$/i)
    .default("service.besclouds.com")
    .meta({ title: "域名 · Domain", description: "云客服环境的域名 · The domain of the AICC/CEC environment" }),
  apiBaseUrl: address.optional().meta({
    title: "接口地址 · API address",
    description: "缺省 https://<域名> · Where it is not https://<domain>",
  }),
  tokenBaseUrl: address.optional().meta({
    title: "鉴权地址 · Token address",
    description:
      "缺省 https://<域名>:28070；部分环境无端口 · Where it is not https://<domain>:28070; some have no port",
  }),
  appKey: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .meta({ title: "应用标识 · App key", description: "app_key，由运营人员提供 · app_key, given by the operator" }),
  appSecret: z
    .string()
    .min(1)
    .max(256)
    .meta({ title: "应用密钥 · App secret", description: "app_secret，用于换取令牌 · Exchanged for tokens" }),
  recorded: z.boolean().default(false).meta({
    title: "租户已开通录音 · Calls are recorded",
    description: "创建双呼的接口没有录音参数 · Creating a call has no field for it: the tenant records, or does not",
  }),
  passThrough: z.boolean().default(false).meta({
    title: "已开通主叫透显 · Free choice of shown numbers",
    description: "透传时向坐席显示客户号码 · The agent is shown the customer's number unless the call is private",
  }),
  releaseCallback: z.boolean().default(false).meta({
    title: "上报挂机 · Release callback",
    description: "回调域名须先加入白名单 · Our webhook address must be on the tenant's allow-list first",
  }),
  followPerMinute: z.int().min(1).max(60_000).default(300).meta({
    title: "每分钟状态查询数 · State queries a minute",
    description: "厂商未公布限额 · The vendor publishes no limit",
  }),
  followEverySeconds: z.number().min(0.05).max(600).default(3).meta({
    title: "状态查询间隔（秒） · Seconds between two queries of a call",
    description: "厂商建议 2 至 5 秒 · 2 to 5 is usual",
  }),
  feedPerMinute: z.int().min(1).max(6_000).default(20).meta({
    title: "每分钟话单查询数 · CDR pages a minute",
    description: "每次一页，至多 100 条 · One page each, of at most 100 records",
  }),
  ...rereadFields,
});
export type HwConfig = z.output<typeof hwConfig>;

export function addressesOf({ domain, apiBaseUrl, tokenBaseUrl }: HwConfig): { api: string; token: string } {
  const plain = (url: string) => url.replace(/\/+$/, "");
  return { api: plain(apiBaseUrl ?? `https://${domain}`), token: plain(tokenBaseUrl ?? `https://${domain}:28070`) };
}
