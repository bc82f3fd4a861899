/** Every reason for which Hualu says no, with its HTTP status. The codes are stable: apps decide by them. */
export const refusals = {
  malformed: { status: 400, zh: "请求格式错误", en: "Malformed request" },
  unauthorized: { status: 401, zh: "未认证", en: "Not authenticated" },
  forbidden: { status: 403, zh: "权限不足", en: "Not allowed" },
  not_found: { status: 404, zh: "不存在", en: "Not found" },
  method_not_allowed: { status: 405, zh: "方法不允许", en: "Method not allowed" },
  agent_busy: { status: 409, zh: "坐席正在通话", en: "The agent is in a call" },
  idempotency_conflict: { status: 409, zh: "幂等键冲突", en: "Idempotency key used for another request" },
  cannot_hang_up: { status: 409, zh: "该通话无法由系统挂断", en: "This call cannot be hung up from here" },
  unsupported: { status: 409, zh: "线路不支持此操作", en: "The line cannot do this" },
  conflict: { status: 409, zh: "冲突", en: "Conflict" },
  too_large: { status: 413, zh: "请求体过大", en: "Request body too large" },
  invalid: { status: 422, zh: "参数无效", en: "Invalid field" },
  no_agent: { status: 422, zh: "没有可用坐席", en: "No agent to ring" },
  no_line: { status: 422, zh: "没有可用线路", en: "No line can take this call" },
  field_not_honoured: { status: 422, zh: "没有线路支持该字段", en: "No usable line honours a field" },
  blacklisted: { status: 422, zh: "号码在黑名单中", en: "The number is on the blacklist" },
  outside_window: { status: 422, zh: "不在允许的呼叫时段", en: "Outside the calling window" },
  too_frequent: { status: 422, zh: "对该客户呼叫过于频繁", en: "This customer was called too often" },
  limit_reached: { status: 429, zh: "已达限额", en: "A limit is reached" },
  overloaded: { status: 503, zh: "系统繁忙", en: "Too busy" },
  no_line_left: { status: 503, zh: "所有线路均拒绝", en: "Every line said no" },
  unavailable: { status: 503, zh: "服务暂不可用", en: "Temporarily unavailable" },
  provider_failed: { status: 502, zh: "渠道请求失败", en: "The provider failed" },
  internal: { status: 500, zh: "内部错误", en: "Internal error" },
} as const;
export type RefusalCode = keyof typeof refusals;

/** A no that a person or an app is told: what, where, and what to do. Its detail never holds a number or a secret. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly fields: readonly { field: string; message: string }[];
  /** Members beside the problem document's own, such as `callId`. */
  readonly more: Readonly<Record<string, string | number>>;
  readonly retryAfterSeconds: number | null;

  constructor(
    code: RefusalCode,
    detail: string,
    options: {
      fields?: readonly { field: string; message: string }[];
      more?: Readonly<Record<string, string | number>>;
      retryAfterSeconds?: number;
    } = {},
  ) {
    super(detail);
    this.code = code;
    this.fields = options.fields ?? [];
    this.more = options.more ?? {};
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}
