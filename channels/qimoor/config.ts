import { z } from "zod";

const hosts = /^[a-z0-9-]+(\.[a-z0-9-]+)*(,[a-z0-9-]+(\.[a-z0-9-]+)*)*$/;

export const qimoorConfig = z
  .strictObject({
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .default("https://apis.7moor.com")
      .meta({
        title: "接口地址 · API address",
        description: "七陌 v2 接口，部分账户另有地址 · The v2 API; some accounts have another address",
      }),
    accountId: z
      .string()
      .regex(/^[0-9A-Za-z]{1,32}$/)
      .meta({ title: "账户编号 · Account id", description: "形如 N00000000556 · Such as N00000000556" }),
    apiSecret: z.string().min(1).max(128).meta({
      title: "接口密钥 · API secret",
      description: "APISecret，用于签名 · Signs every request",
    }),
    mode: z.enum(["dialout", "webcall"]).default("dialout").meta({
      title: "呼叫方式 · How calls are placed",
      description:
        "dialout：先呼坐席工号，再呼客户；webcall：先呼坐席手机，再由服务号流程转接客户 · dialout rings the agent's extension first; webcall the agent's phone, and the service number's flow the customer",
    }),
    extenType: z.enum(["Local", "sip", "gateway"]).default("Local").meta({
      title: "坐席接听方式 · Where the agent answers",
      description: "Local 为坐席手机（dialout） · Local is the agent's mobile phone (dialout)",
    }),
    serviceNo: z
      .string()
      .regex(/^\d{3,20}$/)
      .optional()
      .meta({
        title: "服务号 · Service number",
        description: "webcall 必填，其流程须按变量转接 · For webcall: its flow has to bridge to the variable below",
      }),
    webcallVariable: z
      .string()
      .regex(/^[A-Za-z]\w{0,31}$/)
      .default("phoneNum")
      .meta({
        title: "客户号码变量 · Variable with the customer's number",
        description: "服务号流程中使用的变量名（webcall） · As the service number's flow names it (webcall)",
      }),
    recorded: z.boolean().default(false).meta({
      title: "账户已开通录音 · Calls are recorded",
      description: "接口没有录音参数 · Requests have no field for it: the account records, or does not",
    }),
    hidesNumbers: z.boolean().default(false).meta({
      title: "账户已隐藏客户号码 · Numbers are hidden from agents",
      description: "开启后才接受隐私呼叫 · Private calls are taken only where the account hides customers' numbers",
    }),
    refusalsAreCertain: z.boolean().default(false).meta({
      title: "失败应答确定未呼出 · A failed answer rang nobody",
      description:
        "向服务商确认后开启，失败时即换下一条线路 · Switch on once the provider has confirmed it: then the next line is tried",
    }),
    followPerMinute: z.int().min(1).max(6_000).default(30).meta({
      title: "每分钟话单查询数 · CDR queries a minute",
      description: "厂商未公布限额 · The vendor publishes no limit",
    }),
    cdrWindowMinutes: z.int().min(1).max(600).default(3).meta({
      title: "话单查询窗口（分钟） · CDR window, minutes",
      description:
        "自呼出起；若话单按结束时间筛选，应长于最长通话 · From a call's start; longer than the longest call where the list is cut by the end",
    }),
    recordingHosts: z.string().max(1_000).regex(hosts).default("7moor.com").meta({
      title: "录音域名 · Recording hosts",
      description:
        "逗号分隔；只从这些主机（含子域名）下载录音 · Comma-separated; recordings are fetched from these hosts and those below",
    }),
  })
  .refine((config) => config.mode === "dialout" || config.serviceNo !== undefined, {
    path: ["serviceNo"],
    message: "webcall needs it",
  });
export type QimoorConfig = z.output<typeof qimoorConfig>;
