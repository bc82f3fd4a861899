import { z } from "zod";
import { factNames } from "./facts.ts";

const paramName = z.string().regex(/^[A-Za-z_]\w{0,63}$/);

export const tianrunConfig = z
  .strictObject({
    flavor: z.enum(["clink", "cticloud"]).default("clink").meta({
      title: "平台版本 · Platform",
      description:
        "clink：AccessKey 鉴权；cticloud：企业 ID 与 token（接口 v10） · clink: access keys; cticloud: enterprise id and token (interface v10)",
    }),
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({
        title: "接口地址 · API address",
        description:
          "缺省 https://api-bj.clink.cn 或 https://api-1.cticloud.cn，随账户所在平台而定 · By the platform that the account is on",
      }),
    accessKeyId: z
      .string()
      .regex(/^[\w-]{1,64}$/)
      .optional()
      .meta({ title: "AccessKey ID", description: "clink 必填 · Needed by clink" }),
    accessKeySecret: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .meta({ title: "AccessKey Secret", description: "clink 必填，用于签名 · Needed by clink; signs requests" }),
    enterpriseId: z
      .string()
      .regex(/^\d{1,12}$/)
      .optional()
      .meta({
        title: "企业或部门 ID · Enterprise or department id",
        description:
          "cticloud 必填；填写后只接收该企业的推送 · Needed by cticloud; where set, pushes of another are refused",
      }),
    token: z.string().min(1).max(256).optional().meta({
      title: "接口 token · API token",
      description: "cticloud 必填，用于签名 · Needed by cticloud; signs requests",
    }),
    validateType: z.enum(["enterprise", "department"]).default("enterprise").meta({
      title: "鉴权对象 · Id is of",
      description: "上面的 ID 属于企业还是部门 · Whose id the one above is (cticloud)",
    }),
    pathPrefix: z.enum(["cc/", ""]).default("cc/").meta({
      title: "路径前缀 · Path prefix",
      description: "旧 clink 账户没有 cc/ · Old clink accounts have none",
    }),
    trailingSlash: z.boolean().default(false).meta({
      title: "路径后加斜杠 · Slash after the path",
      description:
        "厂商 SDK 发送时加、签名时不加；被拒时打开 · As the vendor's SDK sends it; switch on where requests are refused",
    }),
    unlinkPath: z
      .string()
      .regex(/^\/[\w/]{1,64}$/)
      .default("/agent/unlink")
      .meta({
        title: "挂断接口路径 · Path of unlink",
        description: "cticloud 接口 v10 的挂断路径，厂商文档未公开 · Of cticloud; not in the vendor's public pages",
      }),
    ringAgentPhone: z.boolean().default(false).meta({
      title: "呼叫坐席手机 · Ring the agent's mobile",
      description:
        "用坐席手机号临时代替其绑定电话（仅 clink） · In place of the phone bound to the agent there (clink only)",
    }),
    recorded: z.boolean().default(true).meta({
      title: "企业已开通录音 · Calls are recorded",
      description: "接口没有录音参数 · Placing a call has no field for it: the enterprise records, or does not",
    }),
    hidesCustomer: z.boolean().default(false).meta({
      title: "企业已开通号码隐藏 · Agents do not see customers' numbers",
      description: "打开后可拨打隐私呼叫 · A private call is placed only where this is so",
    }),
    pushed: z.boolean().default(false).meta({
      title: "已配置推送 · Pushes are set up",
      description:
        "推送地址：回调地址后加 /3 /6 /8 /22（推送类型） · Each type goes to our address with its number behind it",
    }),
    pushFields: z.partialRecord(z.enum(factNames), z.array(paramName).min(1).max(5)).default({}).meta({
      title: "推送字段名 · Names of pushed fields",
      description: "企业自定义的参数名，替换缺省名 · The names that the enterprise chose, in place of the usual ones",
    }),
    followEverySeconds: z.number().min(0.05).max(3_600).default(15).meta({
      title: "话单查询间隔（秒） · Seconds between two queries of a call",
      description: "未配置推送时使用 · Where nothing is pushed",
    }),
    followPerMinute: z.int().min(1).max(60_000).default(60).meta({
      title: "每分钟话单查询数 · CDR queries a minute",
      description: "厂商未公布限额 · The vendor publishes no limit",
    }),
  })
  .superRefine((config, context) => {
    const needed =
      config.flavor === "clink" ? (["accessKeyId", "accessKeySecret"] as const) : (["enterpriseId", "token"] as const);
    for (const name of needed) {
      if (config[name] === undefined) {
        context.addIssue({ code: "custom", path: [name], message: `required by ${config.flavor}` });
      }
    }
  });
export type TianrunConfig = z.output<typeof tianrunConfig>;

export function baseOf({ flavor, baseUrl }: TianrunConfig): string {
  return (baseUrl ?? (flavor === "clink" ? "https://api-bj.clink.cn" : "https://api-1.cticloud.cn")).replace(
    /\/+$/,
    "",
  );
}
