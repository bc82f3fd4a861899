/**
 * 合力亿捷, as seen working in the code of others: its own documents are behind a login, so whoever makes a line of it
 * has to have them. Nothing is known of pushes, of asking about calls, or of hanging up.
 */
import { z } from "zod";
import type { ChannelDefinition } from "../contract.ts";
import { checkForm } from "./check.ts";
import { type CustomConfig, fields } from "./config.ts";
import { preset } from "./preset.ts";

const hollycrmConfig = z.strictObject({
  confirmed: z.literal(true).meta({
    title: "已按厂商文档核对 · Checked against the vendor's documents",
    description:
      "接口由第三方代码推知，未经厂商证实；核对并试拨后填 true · Inferred from others' code; true once checked and tried",
  }),
  baseUrl: fields.baseUrl.meta({
    title: "节点地址 · Node address",
    description: "账户所在节点，如 http://a6.7x24cc.com · The account's node",
  }),
  tokenUrl: fields.baseUrl.default("http://a1.7x24cc.com").meta({
    title: "令牌地址 · Token address",
    description: "换取 accessToken 的节点 · The node that hands out access tokens",
  }),
  account: fields.account.meta({
    title: "账户 · Account",
    description: "N 开头的账户号 · The number that begins with N",
  }),
  appId: z
    .string()
    .min(1)
    .max(128)
    .meta({ title: "应用标识 · App id", description: "appid，由厂商提供 · Given by the vendor" }),
  secret: z
    .string()
    .min(8)
    .max(256)
    .meta({ title: "密钥 · Secret", description: "secret，由厂商提供 · Given by the vendor" }),
  times: fields.times,
  message: fields.message,
  push: fields.push,
  pushSecret: fields.pushSecret,
});
type HollycrmConfig = z.output<typeof hollycrmConfig>;

/** The dial answer: a bare number. */
const refusals = [
  { codes: ["309", "401", "405"], kind: "unauthorized", cause: "credentials" },
  { codes: ["303"], kind: "refused", cause: "number" },
  { codes: ["404", "407", "408"], kind: "refused", cause: "agent" },
  { codes: ["410"], kind: "compliance", cause: "frequency" },
  { codes: ["301", "402", "403", "409", "603"], kind: "refused", cause: "parameter" },
] as const;

function describe({ baseUrl, tokenUrl, account, appId, secret, ...news }: HollycrmConfig): CustomConfig {
  const { times, message, push, pushSecret } = news;
  return shape.parse({
    baseUrl,
    account,
    secret,
    values: { appId },
    times,
    message,
    push,
    pushSecret,
    token: {
      baseUrl: tokenUrl,
      request: {
        method: "GET",
        path: "/accessToken",
        query: { account: "{account}", appid: "{values.appId}", secret: "{secret}" },
      },
      answer: {
        yes: { path: "/success", values: ["true"] },
        no: [{ codes: ["false"], kind: "unauthorized", cause: "credentials" }],
      },
      token: "/accessToken",
      expires: "/invalidTime",
    },
    place: {
      request: {
        method: "GET",
        path: "/commonInte",
        query: {
          flag: "106",
          account: "{account}",
          phonenum: "{customer}",
          integratedid: "{seat}",
          accessToken: "{token}",
          Variable: "directCallerIDNum={displayNumber}",
          ExternalData: "hualu:{userData}",
        },
      },
      answer: { format: "text", yes: { path: "", values: ["200"] }, no: refusals },
    },
  });
}

/** Reads what this file itself has written, and what the line's own check has passed. */
const shape = z.strictObject(fields);

const checked = hollycrmConfig.superRefine((config, context) => checkForm(describe(config), context));

export const hollycrm: ChannelDefinition<HollycrmConfig> = preset(
  {
    provider: "hollycrm",
    title: { zh: "合力亿捷（未经证实，核对后启用）", en: "HollyCRM (unconfirmed; off until checked)" },
    config: checked,
    secretFields: ["secret", "pushSecret"],
    addressFields: ["baseUrl", "tokenUrl"],
    agentKind: "seat",
  },
  describe,
);
