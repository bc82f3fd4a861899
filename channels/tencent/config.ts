import { z } from "zod";
import { rereadFields } from "../kit/reread.ts";

const secret = z.string().min(1).max(256);

export const tencentConfig = z
  .strictObject({
    secretId: z
      .string()
      .regex(/^[\w-]{1,128}$/)
      .meta({ title: "SecretId", description: "访问密钥的标识 · The access key's id" }),
    secretKey: secret.meta({ title: "SecretKey", description: "访问密钥，用于签名 · The access key, signs requests" }),
    sdkAppId: z.int().positive().meta({
      title: "应用 ID · SdkAppId",
      description: "云联络中心控制台中的应用 ID · The application's id in the contact center's console",
    }),
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .default("https://ccc.tencentcloudapi.com")
      .meta({
        title: "接口地址 · API address",
        description: "国际站 · International site: https://ccc.intl.tencentcloudapi.com",
      }),
    recorded: z.boolean().default(false).meta({
      title: "应用已开通录音 · Calls are recorded",
      description: "接口没有录音参数，由应用决定 · No request has a field for it: the application records, or does not",
    }),
    sessionTimesOf: z.enum(["customer", "agent"]).default("customer").meta({
      title: "会话时间属于 · Session times belong to",
      description:
        "双呼会话的振铃、接听属于哪一方，厂商未说明 · Who rings in a session's state; the vendor does not say",
    }),
    pushAuth: z.enum(["none", "basic", "oauth"]).default("none").meta({
      title: "数据推送认证 · Authentication of pushes",
      description: "与控制台的数据推送设置一致 · As set in the console; oauth: token URL = <webhookUrl>/token",
    }),
    pushUser: z
      .string()
      .regex(/^[^:\s]{1,128}$/)
      .optional()
      .meta({ title: "推送用户名或 ClientID · Push user or ClientID", description: "basic 或 oauth · Of either kind" }),
    pushSecret: secret.optional().meta({
      title: "推送密码或 ClientSecret · Push password or ClientSecret",
      description: "basic 或 oauth · Of either kind",
    }),
    followPerMinute: z.int().min(1).max(60_000).default(600).meta({
      title: "每分钟会话查询数 · Session queries a minute",
      description: "厂商限每秒 20 次 · The vendor allows 20 a second",
    }),
    followEverySeconds: z.number().min(0.05).max(600).default(3).meta({
      title: "会话查询间隔（秒） · Seconds between two queries of a call",
      description: "通话中的状态只能查询 · A live call's state is not pushed",
    }),
    feedPerMinute: z.int().min(1).max(6_000).default(20).meta({
      title: "每分钟话单查询数 · CDR pages a minute",
      description: "每次一页 · One page each",
    }),
    ...rereadFields,
  })
  .superRefine(({ pushAuth, pushUser, pushSecret }, context) => {
    if (pushAuth === "none") return;
    const missing = { pushUser: pushUser === undefined, pushSecret: pushSecret === undefined };
    for (const [name, isMissing] of Object.entries(missing)) {
      if (isMissing) context.addIssue({ code: "custom", path: [name], message: `needed for ${pushAuth}` });
    }
  });
export type TencentConfig = z.output<typeof tencentConfig>;
