import type { ErrorCause, ErrorKind } from "../../channels/errors.ts";

/** Why a line's health changed. A closed list: metrics, events and tests read it. */
export const causes = [
  "failing",
  "hanging",
  "silent",
  "unreachable",
  "credentials",
  "balance",
  "errors",
  "asr",
  "pdd",
  "pushes-refused",
  "poll-late",
  "operator",
  "recovered",
  "released",
] as const;
export type Cause = (typeof causes)[number];

/** What a failed placement or probe says of its line; null where it says nothing against it. */
export type Fault = "failing" | "credentials" | "balance";

/** Refusals about the number, the agent, a parameter or a rule, and limits that were reached: no sickness of a line. */
const blameless: readonly ErrorCause[] = [
  "number",
  "agent",
  "shown-number",
  "parameter",
  "concurrency",
  "rate",
  "daily-limit",
  "window",
  "frequency",
  "region",
  "blacklist",
  "not-found",
  "ended",
  "unsupported",
];

export function faultOf(kind: ErrorKind, cause: ErrorCause): Fault | null {
  if (cause === "balance") return "balance";
  if (kind === "unauthorized" || cause === "credentials") return "credentials";
  if (kind === "compliance" || kind === "limited") return null;
  return kind === "refused" && blameless.includes(cause) ? null : "failing";
}

/** What happened, and what a person can do. */
export const causeWords: Record<Cause, { zh: string; en: string }> = {
  failing: {
    zh: "呼叫接连失败。查看最近呼叫的错误码，联系服务商。",
    en: "Calls fail one after the other. Look at the error codes of the last calls; ask the provider.",
  },
  hanging: {
    zh: "发起的呼叫迟迟没有答复，结果未知。检查到服务商的网络。",
    en: "Placements get no answer, so that nobody knows their outcome. Check the way to the provider.",
  },
  silent: {
    zh: "呼叫已被接受，但没有任何事件推送。检查服务商处的回调地址与密钥。",
    en: "Calls are accepted, but no events come. Check the webhook address and its secret at the provider.",
  },
  unreachable: {
    zh: "探测接连失败。检查网络、地址与服务商公告。",
    en: "Probes fail one after the other. Check network, address and the provider's notices.",
  },
  credentials: {
    zh: "凭证被拒绝。更新线路配置中的密钥。",
    en: "The credentials are refused. Update them in the line's config.",
  },
  balance: { zh: "余额不足。请充值。", en: "The balance is used up. Top it up." },
  errors: {
    zh: "失败比平时多。查看最近呼叫的错误码。",
    en: "More calls fail than usual. Look at the error codes of the last calls.",
  },
  asr: {
    zh: "接通率明显低于平时。检查显示号码是否被标记。",
    en: "Far fewer calls are answered than usual. See whether the shown number has been flagged.",
  },
  pdd: {
    zh: "振铃比平时慢很多。联系服务商。",
    en: "Phones ring much later than usual. Ask the provider.",
  },
  "pushes-refused": {
    zh: "推送验证失败。核对两边的密钥。",
    en: "Pushes fail their authentication. Compare the secrets on both sides.",
  },
  "poll-late": {
    zh: "话单读取落后。查看日志中的读取错误。",
    en: "Its feed is read late. See the log for why reading fails.",
  },
  operator: { zh: "由运维暂停。", en: "Held by an operator." },
  recovered: { zh: "已恢复。", en: "Recovered." },
  released: { zh: "运维已解除暂停。", en: "Released by an operator." },
};
