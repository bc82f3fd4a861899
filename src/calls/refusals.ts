/** Why a dial made no call, in words that a person or an app can act on. */
import type { PhoneNumber } from "../../channels/contract.ts";
import type { Settings } from "../auth/settings.ts";
import { Refusal } from "../domain/refusal.ts";
import type { Full } from "../limits/limit.ts";
import type { Stop } from "../limits/protect.ts";
import { seatHolder, seatKey } from "../limits/seat.ts";
import { closedUntil, closesAt, zonesOfNumber } from "../limits/window.ts";
import type { Begun } from "./begin.ts";
import type { CallContext } from "./context.ts";

type Refused = Exclude<Begun, { is: "begun" } | { is: "queued" }>;

export async function refusalOfBegun(
  ctx: CallContext,
  begun: Refused,
  tenant: string,
  agent: { id: string | null; phone: PhoneNumber | null },
): Promise<Refusal> {
  switch (begun.is) {
    case "key-taken":
      // A key that is taken has a call, unless it ran out just now: then asking again is safe.
      return new Refusal("unavailable", "请重试 · ask again", { retryAfterSeconds: 1 });
    case "seat-taken": {
      const running = await ctx.db.run((q) => seatHolder(q, seatKey(ctx, tenant, agent)));
      return new Refusal("agent_busy", "坐席正在另一通通话中 · the agent is in another call", {
        more: running === null ? {} : { runningCallId: running },
      });
    }
    case "stopped":
      return stopRefusal(begun.stop);
    case "full":
      return fullRefusal(begun.full, ctx.clock.now());
    default:
      return begun satisfies never;
  }
}

/** Whether this customer may be called now: if so until when, else the stop. */
export function windowOf(customer: PhoneNumber, settings: Settings, now: Date): { closes: Date | null } | Stop {
  const window = { from: settings.callingFrom, until: settings.callingUntil };
  const zones = zonesOfNumber(customer, settings.timeZone);
  const closed = closedUntil(window, zones, now);
  return closed === null ? { closes: closesAt(window, zones, now) } : { rule: "window", until: closed.until };
}

/** Rules that protect customers stop a call; no other line gets around them. */
export function stopRefusal({ rule, until }: Stop): Refusal {
  const told = stops[rule];
  const detail =
    until === null ? `${told.zh} · ${told.en}` : `${told.zh}，至 ${iso(until)} · ${told.en}, until ${iso(until)}`;
  return new Refusal(told.code, detail, { more: { rule, ...(until !== null && { until: iso(until) }) } });
}

const stops = {
  blacklist: { code: "blacklisted", zh: "该号码在黑名单中", en: "the number is on the blacklist" },
  window: {
    code: "outside_window",
    zh: "客户当地时间不在允许的时段内",
    en: "it is outside the calling window where the customer is",
  },
  "frequency-day": {
    code: "too_frequent",
    zh: "24 小时内对该客户的呼叫已达上限",
    en: "this customer was called as often as is allowed in 24 hours",
  },
  "frequency-5min": {
    code: "too_frequent",
    zh: "5 分钟内对该客户的呼叫已达上限",
    en: "this customer was called as often as is allowed in 5 minutes",
  },
} as const satisfies Record<Stop["rule"], object>;

/** Where nobody can tell when a call ends, asking again this soon does no harm. */
const unknownWaitSeconds = 5;

function fullRefusal({ scope, rule, until }: Full, now: Date): Refusal {
  const whose = scopes[scope];
  const what = rules[rule];
  const seconds = until === null ? unknownWaitSeconds : Math.ceil((until.getTime() - now.getTime()) / 1000);
  return new Refusal("limit_reached", `${whose.zh}${what.zh}已满 · ${whose.en} ${what.en} is reached`, {
    retryAfterSeconds: Math.max(1, seconds),
    more: { scope, rule, ...(until !== null && { until: iso(until) }) },
  });
}

const scopes = {
  line: { zh: "线路", en: "the line's" },
  agent: { zh: "坐席", en: "the agent's" },
  tenant: { zh: "租户", en: "the tenant's" },
} as const satisfies Record<Full["scope"], object>;
const rules = {
  concurrency: { zh: "并发", en: "limit of calls at a time" },
  rate: { zh: "每秒呼叫数", en: "limit of calls a second" },
  daily: { zh: "每日呼叫数", en: "limit of calls a day" },
} as const satisfies Record<Full["rule"], object>;

const iso = (at: Date): string => at.toISOString();
