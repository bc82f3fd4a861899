/** A provider described by its operator: what is sent, what its answers and pushes mean. */
import { z } from "zod";
import { checkForm } from "./check.ts";
import {
  digest,
  exchange,
  finding,
  message,
  path,
  placing,
  pushAuth,
  refusals,
  root,
  templates,
  timeForm,
} from "./form.ts";

const bilingual = (title: string, description: string) => ({ title, description });
const address = z.url({ protocol: /^https?$/ }).max(1_024);
const secret = z.string().min(8).max(4_096);

const push = z.strictObject({
  format: z.enum(["json", "form", "xml"]).default("json"),
  auth: pushAuth.meta({
    description:
      "推送如何证明来源；address-token 仅凭地址中的令牌 · what proves a push: the address alone only where said so",
  }),
  /** Where the message, or the list of messages, stands. */
  root: root.default(""),
  message: message.optional(),
  retried: z.boolean().default(false).meta({
    description: "未被接受的推送会重发 · pushes that are not accepted are sent again",
  }),
  reply: z
    .strictObject({ contentType: z.string().max(64), body: z.string().max(1_024) })
    .default({ contentType: "text/plain", body: "success" }),
  sample: z.string().max(65_536).optional(),
});

const follow = exchange.extend({
  root: root.default(""),
  message: message.optional(),
  /** Also while a call runs, not only when it has fallen silent. */
  live: z.boolean().default(false),
  perMinute: z.int().min(1).max(60_000).default(60),
  everySeconds: z.number().min(0.05).max(600).default(5),
});

const token = exchange.extend({
  /** Where tokens come from another host than all the rest. */
  baseUrl: address.optional(),
  token: path,
  /** When it ends, in the form of `times`. */
  expires: path.optional(),
  lifetimeSeconds: z.int().min(60).max(2_592_000).default(3_600),
});

export const fields = {
  baseUrl: address.meta(
    bilingual(
      "接口地址 · API address",
      "内网地址须由 HUALU_ALLOW_NETWORKS 放行 · Private networks need HUALU_ALLOW_NETWORKS",
    ),
  ),
  account: z
    .string()
    .min(1)
    .max(128)
    .meta(
      bilingual(
        "账户 · Account",
        "{account}；同一账户的线路共用回调地址 · {account}; its lines share one webhook address",
      ),
    ),
  secret: secret
    .optional()
    .meta(bilingual("密钥 · Secret", "{secret}，用于签名或令牌 · {secret}, for signatures and tokens")),
  pushSecret: secret.optional().meta(bilingual("推送密钥 · Push secret", "缺省与密钥相同 · The secret unless given")),
  values: z
    .record(z.string().regex(/^\w{1,32}$/), z.string().max(1_024))
    .default({})
    .meta(bilingual("常量 · Values", "{values.名称}，不加密展示 · {values.name}; shown to whoever may see the line")),
  numbers: z
    .enum(["national", "e164", "digits"])
    .default("national")
    .meta(bilingual("号码格式 · Number format", "national 13912345678, e164 +8613912345678, digits 8613912345678")),
  clock: timeForm
    .prefault({})
    .meta(bilingual("请求时间 · Time of requests", "{timestamp} 的格式与时区 · The format and zone of {timestamp}")),
  times: timeForm
    .prefault({})
    .meta(bilingual("消息时间 · Times of news", "推送与查询结果中的时间 · Times in pushes and answers")),
  signatures: z
    .record(z.string().regex(/^\w{1,32}$/), digest)
    .default({})
    .meta(bilingual("签名 · Signatures", "按序计算，以 {名称} 引用 · Computed in order; each is a {name} of its own")),
  headers: templates
    .default({})
    .meta(
      bilingual(
        "公共请求头 · Headers",
        "每个请求都带上，可被各请求覆盖 · Sent with every request, which may change them",
      ),
    ),
  query: templates
    .default({})
    .meta(bilingual("公共参数 · Query", "每个请求地址都带上 · In the address of every request")),
  refusals: refusals.meta(
    bilingual("公共拒绝码 · Refusals", "所有接口通用的明确拒绝 · Definite refusals of every request, after its own"),
  ),
  token: token
    .optional()
    .meta(bilingual("令牌 · Token", "先换取令牌的接口，结果为 {token} · For APIs that hand out a {token} first")),
  place: placing.meta(
    bilingual("发起回拨 · Place a call", "请求与应答的含义 · The request, and what its answers mean"),
  ),
  find: finding
    .optional()
    .meta(bilingual("按我方数据查询 · Look a call up", "应答丢失之后使用 · Asked after an answer was lost")),
  hangup: exchange.optional().meta(bilingual("挂断 · Hang up", "{providerCallId}, {callId}, {userData}")),
  follow: follow
    .optional()
    .meta(bilingual("查询状态 · Ask about a call", "应答即为消息 · The answer is read as a message")),
  probe: exchange
    .optional()
    .meta(
      bilingual(
        "连通性测试 · Probe",
        "不响铃的请求；缺省只换取令牌并看能否连通 · Rings nobody; without it a token and reach are all that is proved",
      ),
    ),
  message: message
    .prefault({})
    .meta(bilingual("消息 · Messages", "推送与查询结果的读法 · How pushes and answers are read")),
  push: push.optional().meta(bilingual("推送 · Pushes", "来源的证明、格式与应答 · Proof of origin, format, reply")),
  recording: z
    .strictObject({
      hosts: z
        .array(
          z
            .string()
            .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/)
            .max(253),
        )
        .max(20)
        .default([]),
      query: templates.default({}),
      headers: templates.default({}),
    })
    .optional()
    .meta(
      bilingual(
        "录音下载 · Recordings",
        "只从接口主机与所列主机（含子域名）下载 · Fetched from the API's host and these (and below) only",
      ),
    ),
};

export type CustomConfig = z.output<ReturnType<typeof unchecked>>;
const unchecked = () => z.strictObject(fields);

export const customConfig = unchecked().superRefine(checkForm);
