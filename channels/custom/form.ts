/** How one request, its answer and one message of a provider are described. */
import { z } from "zod";
import { type CloseType, closeTypes, errorCauses, errorKinds, hangupCauses } from "../contract.ts";
import { parseTemplate } from "./template.ts";

const textMax = 4_096;
const says = (text: string) => ({ description: text });

/** Text with `{name}` for values of the order or the line. */
const template = z
  .string()
  .max(textMax)
  .refine((text) => parseTemplate(text) !== null, "花括号有误 · a brace that closes or opens nothing");
const templates = z.record(z.string().regex(/^[\w.[\]-]{1,64}$/), template);

/** JSON pointer, or element names from the XML root (`@name` = attribute), or `/` and a form field's name. */
const path = z
  .string()
  .max(256)
  .regex(/^(\/[^/]+)+$/);
const root = z
  .string()
  .max(256)
  .regex(/^(\/[^/]+)*$/);
const words = z.array(z.string().max(128)).min(1).max(500);

const body = z.discriminatedUnion("format", [
  z.strictObject({ format: z.literal("json"), value: z.json().meta(says("任意 JSON · any JSON")) }),
  z.strictObject({ format: z.literal("form"), fields: templates }),
  z.strictObject({ format: z.literal("xml"), text: template }),
]);

const request = z.strictObject({
  method: z.enum(["GET", "POST", "PUT", "DELETE"]).default("POST"),
  path: template
    .regex(/^(\/[^?#\s]*)?$/)
    .default("")
    .meta(says("接在地址之后 · follows the base address")),
  query: templates.default({}),
  headers: templates.default({}),
  body: body.optional(),
});

const sample = z
  .strictObject({ status: z.int().min(100).max(599).default(200), body: z.string().max(65_536) })
  .meta(says("示例应答，用于检查配置 · an answer to check this description against"));

const refusals = z
  .array(
    z.strictObject({
      status: z.array(z.int().min(200).max(599)).min(1).optional(),
      codes: words.optional(),
      kind: z.enum(errorKinds).exclude(["unreachable", "timeout", "garbled"]),
      cause: z.enum(errorCauses),
    }),
  )
  .max(500)
  .default([]);

const answer = z.strictObject({
  format: z.enum(["json", "form", "xml", "text"]).default("json"),
  yes: z
    .strictObject({
      status: z.array(z.int().min(200).max(299)).min(1).default([200]),
      path: root.meta(says("成功码的位置 · where the code for success stands")),
      values: words,
    })
    .meta(says("什么算接受，其余都不是 · what is a yes; nothing else is")),
  code: root.optional().meta(says("错误码的位置 · where the provider's code stands; the place of `yes` unless given")),
  no: refusals.meta(says("确知没有电话响铃的拒绝 · refusals after which certainly no phone rang; the rest is unknown")),
  yesSample: sample.optional(),
  noSample: sample.optional(),
});

export const exchange = z.strictObject({ request, answer });
export const placing = exchange.extend({
  callId: root
    .optional()
    .meta(says("通话号的位置；无则以我方通话号代之 · the call's id; ours stands in where there is none")),
  jobId: root.optional(),
});
export const finding = exchange.extend({
  root: root.default("").meta(says("通话或列表的位置 · where the call, or the list of calls, stands")),
  callId: path,
  userData: path.meta(says("我方数据的位置 · where {userData} comes back")),
});

/** The words for what happened. */
export const happenings = [
  "calling a",
  "ringing a",
  "answered a",
  "calling b",
  "ringing b",
  "answered b",
  "connected",
  "ended",
] as const;
export type Happening = (typeof happenings)[number];

const closeType = z.literal([...closeTypes] as [CloseType, ...CloseType[]]);

export const message = z.strictObject({
  userData: path.optional().meta(says("我方数据的位置 · where {userData} comes back")),
  callId: path.optional().meta(says("服务商通话号的位置 · where the provider's id of the call stands")),
  agent: path.optional().meta(says("主叫、被叫号码，仅在别无标识时使用 · numbers, where there is no id at all")),
  customer: path.optional(),
  state: z.array(path).max(3).default([]).meta(says("状态的位置，多处以点相连 · several are joined by a dot")),
  states: z
    .record(z.string().max(128), z.array(z.enum([...happenings, "cdr"])).max(10))
    .default({})
    .meta(says("状态的含义；cdr 表示此后再无消息 · what each state tells; cdr: nothing better will come")),
  time: path.optional().meta(says("状态发生的时间 · when the state came about")),
  times: z
    .partialRecord(z.enum(happenings), path)
    .default({})
    .meta(says("各事件时间的位置，有则表示发生过 · times that, where they are there, tell that it happened")),
  end: path.optional().meta(says("挂断码的位置；缺省用状态 · the code of an end; the state unless given")),
  ends: z.record(z.string().max(128), z.strictObject({ closeType, cause: z.enum(hangupCauses) })).default({}),
  recording: path.optional().meta(says("录音地址的位置 · where the recording's address stands")),
  recordingSeconds: path.optional(),
});

export const timeForm = z.strictObject({
  format: z
    .string()
    .max(64)
    .default("yyyy-MM-dd HH:mm:ss")
    .meta(says("yyyy MM dd HH mm ss SSS, or: iso, epoch-s, epoch-ms")),
  zone: z.string().max(64).default("Asia/Shanghai"),
});

export const digest = z.strictObject({
  method: z.enum(["md5", "sha1", "sha256", "hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha512", "base64"]),
  text: template,
  key: template.default("{secret}").meta(says("HMAC 的密钥 · an HMAC's key")),
  encoding: z.enum(["hex", "HEX", "base64"]).default("hex"),
});

/** `header:x-signature`, `query:sign`, or the path of a field. */
const source = z
  .string()
  .max(256)
  .regex(/^(header:[a-z0-9-]+|query:[\w.-]+|(\/[^/]+)+)$/);
export const pushAuth = z.union([
  z.literal("address-token"),
  z.discriminatedUnion("method", [
    z.strictObject({ method: z.literal("token"), at: source }),
    z.strictObject({
      method: z.literal("signature"),
      digest,
      at: source,
      time: z
        .strictObject({ at: source, ...timeForm.shape, toleranceSeconds: z.int().min(5).max(86_400).default(300) })
        .optional(),
    }),
  ]),
]);

export type Exchange = z.output<typeof exchange>;
export type RequestForm = z.output<typeof request>;
export type AnswerForm = z.output<typeof answer>;
export type Message = z.output<typeof message>;
export type Digest = z.output<typeof digest>;
export type TimeForm = z.output<typeof timeForm>;
export type PushAuth = z.output<typeof pushAuth>;
export type Sample = z.output<typeof sample>;
export type Refusal = z.output<typeof refusals>[number];
export { path, refusals, root, templates };
