import type { Settings } from "../auth/settings.ts";
import { type Day, dayOf } from "../domain/day.ts";
import type { Line } from "../lines/directory.ts";

export type LimitScope = "agent" | "line" | "tenant";
export type LimitRule = "concurrency" | "rate" | "daily";

/** What one line, agent or tenant may place; 0 = no limit. */
export interface Limit {
  scope: LimitScope;
  /** The line's id, the agent's keyed hash, or the tenant. */
  key: string;
  tenant: string;
  maxConcurrent: number;
  perSecond: number;
  daily: number;
  day: Day;
}

/** Which limit is reached, and from when there may be room; null where nobody can tell. */
export interface Full {
  scope: LimitScope;
  rule: LimitRule;
  until: Date | null;
}

/** Who calls: what limits of agents are counted by. */
export interface Caller {
  tenant: string;
  /** Keyed hash of the agent's number, or its id; null for one that a demo line makes up. */
  agent: string | null;
}

/** The limits that a call on a line is counted against; none where nobody has set one. */
export function limitsOf(line: Line, caller: Caller, settings: Settings, now: Date): Limit[] {
  const { tenant, agent } = caller;
  const day = dayOf(settings.timeZone, now);
  const all: Limit[] = [
    {
      scope: "line",
      key: String(line.id),
      tenant,
      maxConcurrent: line.maxConcurrent,
      perSecond: line.perSecond,
      daily: line.dailyLimit,
      day,
    },
    {
      scope: "tenant",
      key: tenant,
      tenant,
      maxConcurrent: settings.maxConcurrent,
      perSecond: settings.perSecond,
      daily: settings.dailyLimit,
      day,
    },
  ];
  if (agent !== null) {
    // An agent's concurrency is the seat: one call at a time.
    const { agentPerSecond: perSecond, agentDailyLimit: daily } = settings;
    all.push({ scope: "agent", key: agent, tenant, maxConcurrent: 0, perSecond, daily, day });
  }
  return all.filter((limit) => limit.maxConcurrent + limit.perSecond + limit.daily > 0);
}

/** What has been counted of one limit. */
export interface Count {
  limit: Limit;
  /** Times of the latest placements, epoch milliseconds, in order. */
  recent: number[];
  today: number;
  inUse: number;
}

/**
 * A second, and what may pass between the decision and the request's arrival: so the provider too sees no more than its
 * rate in any second, as long as requests are not delayed unevenly by more than that.
 */
const rateWindowMs = 1_100;

/** Pure: whether there is room for one more. */
export function roomIn({ limit, recent, today, inUse }: Count, now: Date): Full | null {
  const { scope, maxConcurrent, perSecond, daily, day } = limit;
  if (maxConcurrent > 0 && inUse >= maxConcurrent) return { scope, rule: "concurrency", until: null };
  if (daily > 0 && today >= daily) return { scope, rule: "daily", until: day.end };
  const oldest = perSecond > 0 ? recent[recent.length - perSecond] : undefined;
  // A clock that was put back must not hold the line for longer than the window.
  if (oldest !== undefined && Math.abs(now.getTime() - oldest) < rateWindowMs) {
    return { scope, rule: "rate", until: new Date(oldest + rateWindowMs) };
  }
  return null;
}

/** Counts one more placement. */
export function countOne(count: Count, now: Date): void {
  count.today += 1;
  count.inUse += 1;
  if (count.limit.perSecond > 0) count.recent = [...count.recent, now.getTime()].slice(-count.limit.perSecond);
}
