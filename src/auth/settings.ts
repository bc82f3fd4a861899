import { eq, sql } from "drizzle-orm";
import { z } from "zod";
import { tenants } from "../../db/schema/index.ts";
import type { Context } from "../context.ts";
import { createFresh } from "../fresh.ts";

const most = 1_000_000;
const limit = (max: number, text: string) =>
  z
    .int()
    .min(0)
    .max(max)
    .meta({ description: `${text}；0 不限 · 0 = no limit` });
const clockTime = (form: RegExp, text: string) => z.string().regex(form).meta({ description: text });

/** What a tenant may decide for all its calls. A call or a binding may still say otherwise. */
export const tenantSettings = z.strictObject({
  privacy: z.boolean().meta({ description: "隐私：坐席看不到客户号码 · agents do not see customers' numbers" }),
  record: z.boolean().meta({ description: "录音 · record calls" }),
  ringTimeoutSeconds: z.int().min(5).max(120).meta({ description: "每一侧的振铃时限 · ring timeout of each leg" }),
  maxDurationSeconds: z.int().min(60).max(14_400).meta({ description: "最长通话 · the longest call" }),
  timeZone: z
    .string()
    .max(64)
    .refine(isZone, "不是 IANA 时区 · not an IANA time zone")
    .meta({ description: "租户的时区：日限额的一天 · the tenant's zone, whose days daily limits count" }),
  maxConcurrent: limit(most, "租户的并发上限 · calls at a time"),
  perSecond: limit(1_000, "租户每秒呼叫上限 · calls a second"),
  dailyLimit: limit(most, "租户每日呼叫上限 · calls a day"),
  agentPerSecond: limit(1_000, "每个坐席每秒 · an agent's calls a second"),
  agentDailyLimit: limit(most, "每个坐席每日 · an agent's calls a day"),
  whenLimited: z.enum(["other-line", "queue", "reject"]).meta({
    description:
      "达到限额时：换线路、排队或拒绝 · at a limit: another line, wait in a queue, or refuse. A queue tries other lines first",
  }),
  queueSeconds: z.int().min(1).max(300).meta({ description: "最长排队 · the longest wait in the queue" }),
  customerCallsPerDay: limit(1_000, "同一客户 24 小时内 · calls to one customer in 24 h"),
  customerCallsPer5Minutes: limit(1_000, "同一客户 5 分钟内 · calls to one customer in 5 min"),
  callingFrom: clockTime(/^([01]\d|2[0-3]):[0-5]\d$/, "客户当地时间，含 · the customer's local time, from"),
  callingUntil: clockTime(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, "客户当地时间，不含 · the customer's local time, until"),
});
export type Settings = z.output<typeof tenantSettings>;
export type SettingsChange = { [Name in keyof Settings]?: Settings[Name] | null | undefined };

const defaults: Settings = {
  privacy: false,
  record: false,
  ringTimeoutSeconds: 60,
  maxDurationSeconds: 3_600,
  timeZone: "Asia/Shanghai",
  maxConcurrent: 0,
  perSecond: 0,
  dailyLimit: 0,
  agentPerSecond: 0,
  agentDailyLimit: 0,
  whenLimited: "other-line",
  queueSeconds: 30,
  customerCallsPerDay: 5,
  customerCallsPer5Minutes: 3,
  callingFrom: "08:00",
  callingUntil: "21:00",
};

function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== null;
  } catch {
    return false;
  }
}

const lastKept = 1_000;

/** Tenants' settings, remembered for a short time: every dial asks for them. */
export interface SettingsBook {
  /** With the product's defaults in the gaps. */
  of(tenant: string): Promise<Settings>;
  /** As they were last read, for code inside a transaction, which must wait for nothing else. */
  lastKnown(tenant: string): Settings;
  /** Absent fields stay, null goes back to the default. Concurrent changes of different fields all count. */
  change(tenant: string, change: SettingsChange): Promise<Settings>;
}

export function createSettingsBook(ctx: Context): SettingsBook {
  const last = new Map<string, Settings>();

  async function load(tenant: string): Promise<Settings> {
    const [found] = await ctx.db.run((q) =>
      q.select({ settings: tenants.settings }).from(tenants).where(eq(tenants.id, tenant)),
    );
    const settings = { ...defaults, ...found?.settings };
    if (last.size >= lastKept) last.clear();
    last.set(tenant, settings);
    return settings;
  }

  const known = createFresh(ctx.clock, load);
  return {
    lastKnown: (tenant) => last.get(tenant) ?? defaults,
    of: known.of,
    async change(tenant, change) {
      const [changed] = await ctx.db.run((q) =>
        q
          .update(tenants)
          .set({ settings: sql`jsonb_strip_nulls(${tenants.settings} || ${JSON.stringify(change)}::jsonb)` })
          .where(eq(tenants.id, tenant))
          .returning({ settings: tenants.settings }),
      );
      known.forget(tenant);
      return { ...defaults, ...changed?.settings };
    },
  };
}
