import { z } from "zod";

/** The speed factor's bounds: a call of 15 s takes 15 ms at the fastest. */
const speedMax = 1000;

export const fakeConfig = z.strictObject({
  baseUrl: z.url({ protocol: /^https?$/ }).meta({
    title: "服务地址 · Address",
    description: "模拟服务商的地址 · Where the simulated provider listens",
  }),
  accountId: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .meta({
      title: "账户 · Account",
      description: "模拟服务商上的账户编号 · The account's id at the simulated provider",
    }),
  secret: z.string().min(8).max(256).meta({
    title: "密钥 · Secret",
    description: "双向签名所用的密钥 · Signs requests in both directions",
  }),
  flavour: z.enum(["push", "poll"]).default("push").meta({
    title: "消息方式 · News",
    description: "推送或轮询 · Pushed to us, or asked for",
  }),
  lookup: z.enum(["running", "ended", "none"]).default("running").meta({
    title: "查询能力 · Look-up",
    description:
      "应答丢失后可查：进行中的通话、仅已结束的通话、不可查 · After a lost answer: running calls, ended calls only, nothing",
  }),
  answersAll: z.boolean().default(false).meta({
    title: "全部接通 · Answer all",
    description: "忽略尾号，所有通话正常接通 · Every call is answered, whatever the number's last digit",
  }),
  controls: z.boolean().default(true).meta({
    title: "通话控制 · Controls",
    description: "静音、保持、转接 · Mute, hold and transfer",
  }),
  speed: z.number().positive().max(speedMax).default(1).meta({
    title: "速度 · Speed",
    description: "100 表示快一百倍 · 100 makes a call a hundred times as fast",
  }),
  protect: z.boolean().default(false).meta({
    title: "遵守客户保护规则 · Protect customers",
    description: "时段与频次规则也作用于此线路 · Windows and frequency rules bind this line too",
  }),
});
export type FakeConfig = z.output<typeof fakeConfig>;
