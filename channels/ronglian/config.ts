import { z } from "zod";

const sid = z.string().regex(/^[0-9A-Za-z]{1,64}$/);
const token = z.string().min(8).max(128);
const path = z.string().regex(/^[A-Za-z]{1,32}(\/[A-Za-z]{1,32}){0,3}$/);
const hosts = /^[a-z0-9-]+(\.[a-z0-9-]+)*(,[a-z0-9-]+(\.[a-z0-9-]+)*)*$/;

export const ronglianConfig = z
  .strictObject({
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .default("https://app.cloopen.com:8883")
      .meta({
        title: "接口地址 · API address",
        description: "沙箱为 https://sandboxapp.cloopen.com:8883 · The sandbox has an address of its own",
      }),
    accountLevel: z.enum(["SubAccounts", "Accounts"]).default("SubAccounts").meta({
      title: "账户类型 · Account level",
      description:
        "以子账户（SDK 的做法）或主账户发起 · Calls are placed by a sub-account, as the vendor's SDKs do, or by the main one",
    }),
    accountSid: sid.meta({
      title: "账户 SID · Account SID",
      description: "所选类型账户的 ACCOUNT SID · Of the account of the level above",
    }),
    authToken: token.meta({
      title: "账户令牌 · Auth token",
      description: "所选类型账户的 AUTH TOKEN，用于签名 · Of the same account; signs every request",
    }),
    appId: sid.meta({
      title: "应用 ID · App id",
      description: "须已上线 · The app has to be released at the provider",
    }),
    mainAccountSid: sid.optional().meta({
      title: "主账户 SID · Main account SID",
      description:
        "用于探测账户与余额；缺省以无害请求探测 · For the account probe; without it a harmless request is sent",
    }),
    mainAuthToken: token.optional().meta({
      title: "主账户令牌 · Main auth token",
      description: "与主账户 SID 一并填写 · Goes with the main account's SID",
    }),
    minimumBalance: z.number().min(-1_000_000).max(1_000_000).optional().meta({
      title: "最低余额 · Minimum balance",
      description: "低于此值时探测失败；缺省不检查 · Probes fail below it; left out, the balance is not looked at",
    }),
    callbackPath: path.default("Calls/Callback").meta({
      title: "回拨接口路径 · Callback path",
      description: "账户之后的路径 · What follows the account in the address",
    }),
    cancelPath: path.default("Calls/CallCancel").meta({
      title: "挂断接口路径 · Cancel path",
      description: "账户之后的路径 · What follows the account in the address",
    }),
    needBothCdr: z.boolean().default(true).meta({
      title: "推送双路话单 · CDR of both legs",
      description: "单路话单不含被叫振铃 · The record of one leg does not tell when the customer's phone rang",
    }),
    passThrough: z.boolean().default(false).meta({
      title: "向坐席显示客户号码 · Show the customer to the agent",
      description: "平台允许透传时开启 · Where the platform lets the agent be shown the customer's number",
    }),
    serverCallbacks: z.boolean().default(false).meta({
      title: "已配置鉴权回调 · Server callbacks",
      description:
        "应用的鉴权地址已指向本线路的 Webhook · The app's authentication address is this line's webhook: calls are followed live",
    }),
    authReply: z.enum(["0000", "000000"]).default("0000").meta({
      title: "鉴权成功码 · Success code of callbacks",
      description: "服务商示例有两种写法 · The provider's examples differ",
    }),
    recordingHosts: z.string().max(1_000).regex(hosts).default("cloopen.com,yuntongxun.com").meta({
      title: "录音域名 · Recording hosts",
      description:
        "逗号分隔；只从这些主机（含子域名）下载录音 · Comma-separated; recordings are fetched from these hosts and those below",
    }),
  })
  .refine((config) => config.mainAuthToken === undefined || config.mainAccountSid !== undefined, {
    path: ["mainAccountSid"],
    message: "goes with mainAuthToken",
  })
  .refine((config) => config.mainAccountSid === undefined || config.mainAuthToken !== undefined, {
    path: ["mainAuthToken"],
    message: "goes with mainAccountSid",
  });
export type RonglianConfig = z.output<typeof ronglianConfig>;

interface Account {
  level: "SubAccounts" | "Accounts";
  sid: string;
  token: string;
}

/** Who places calls. */
export function callerOf(config: RonglianConfig): Account {
  return { level: config.accountLevel, sid: config.accountSid, token: config.authToken };
}

/** Who may ask about the account itself; null where only a sub-account is known. */
export function mainOf(config: RonglianConfig): Account | null {
  const { mainAccountSid: mainSid, mainAuthToken: mainToken } = config;
  if (mainSid !== undefined && mainToken !== undefined) return { level: "Accounts", sid: mainSid, token: mainToken };
  return config.accountLevel === "Accounts" ? callerOf(config) : null;
}
