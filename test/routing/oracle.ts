/** What a choice must be, written as plainly as can be: each line by itself, each pair of lines by itself. */
import type { LegPrice, LinePrice } from "../../db/schema/index.ts";
import { samePhone } from "../../src/domain/phone.ts";
import type { Line } from "../../src/lines/directory.ts";
import { draw } from "../../src/routing/draw.ts";
import type { World } from "./worlds.ts";

const triedAtMost = 32;

export interface Expected {
  candidates: { lineId: number; trial: boolean; inNeed: boolean }[];
  /** By line: its reason, `taken`, with the field where one is to blame. */
  reasons: Map<number, string>;
}

export function expected({ lines, wish, states }: World): Expected {
  const state = (line: Line) => states.get(line.id)!;
  const health = (line: Line) => state(line).health;
  const reasons = new Map<number, string>();
  const allowed = lines.filter((line) => {
    const reason = barred(line, lines, wish);
    if (reason !== null) reasons.set(line.id, reason);
    return reason === null;
  });
  const isWell = (line: Line): boolean => ["up", "degraded"].includes(health(line).state);
  const need = !allowed.some(isWell);
  const usable = allowed.filter((line) => {
    const { state: word, trial, uncertain } = health(line);
    if (word === "held") reasons.set(line.id, "held");
    else if (isWell(line) || trial || (need && !uncertain)) return true;
    else reasons.set(line.id, need ? "uncertain" : "down");
    return false;
  });

  const full = (line: Line): boolean => {
    const { inUse, today } = state(line);
    const busy = line.maxConcurrent > 0 && inUse !== null && inUse >= line.maxConcurrent;
    return busy || (line.dailyLimit > 0 && today !== null && today >= line.dailyLimit);
  };
  const ramping = (line: Line): boolean => isWell(line) && draw(wish.seed, line.id) >= health(line).share;
  const bindingOf = (line: Line): number => {
    const at = wish.bound.findIndex((one) => binds(one, line));
    return at === -1 ? Number.MAX_SAFE_INTEGER : at;
  };
  const keeps = (line: Line): boolean => {
    if (wish.lastShown === null || (ramping(line) && !full(line))) return false;
    const { number, lineId } = wish.lastShown;
    return number === null ? line.id === lineId && line.shownNumber === null : samePhone(line.shownNumber, number);
  };
  const currency = usual(lines);
  const costs = new Map(
    usable.map((line) => [line.id, line.price?.currency === currency ? costOf(line.price) : null] as const),
  );
  const quarters = (line: Line): number => {
    const { inUse } = state(line);
    if (inUse === null || line.maxConcurrent === 0) return 0;
    return [1, 2, 3, 4].filter((quarter) => inUse * 4 >= quarter * line.maxConcurrent).length;
  };
  const tenths = (line: Line): number => Math.floor((state(line).answered ?? 0.5) * 10);

  /** Negative where the one is better. */
  const criteria: ((one: Line, other: Line) => number)[] = [
    (one, other) => Number(full(one)) - Number(full(other)),
    (one, other) => Number(ramping(one)) - Number(ramping(other)),
    (one, other) => bindingOf(one) - bindingOf(other),
    (one, other) => Number(health(other).trial) - Number(health(one).trial),
    (one, other) => Number(keeps(other)) - Number(keeps(one)),
    (one, other) => Number(health(one).state === "degraded") - Number(health(other).state === "degraded"),
    (one, other) => compareCosts(costs.get(one.id) ?? null, costs.get(other.id) ?? null),
    (one, other) => quarters(one) - quarters(other),
    (one, other) => tenths(other) - tenths(one),
    (one, other) => one.id - other.id,
  ];
  if (need) {
    criteria.unshift(
      (one, other) => Number(health(other).trial) - Number(health(one).trial),
      (one, other) => health(one).sickness - health(other).sickness,
    );
  }
  const beats = (one: Line, other: Line): boolean => {
    for (const criterion of criteria) {
      const by = criterion(one, other);
      if (by !== 0) return by < 0;
    }
    return false;
  };
  const candidates: Expected["candidates"] = [];
  for (const line of usable) {
    const place = usable.filter((other) => beats(other, line)).length;
    if (place < triedAtMost) {
      const { trial, uncertain } = health(line);
      candidates[place] = { lineId: line.id, trial, inNeed: need && !uncertain };
    }
    reasons.set(line.id, place < triedAtMost ? "taken" : "outranked");
  }
  return { candidates, reasons };
}

function binds(bound: World["wish"]["bound"][number], line: Line): boolean {
  return bound.lineId === null ? bound.channel === line.channel : bound.lineId === line.id;
}

/** Why a line cannot take the call, whatever its health. */
function barred(line: Line, lines: readonly Line[], wish: World["wish"]): string | null {
  const { definition, channel } = line;
  if (line.archived) return "archived";
  if (!line.active) return "inactive";
  if (wish.lineId !== null && line.id !== wish.lineId) return "other_line_requested";
  if (wish.channel !== null && channel !== wish.channel) return "other_channel_requested";
  const method = channel === "mobile" ? "mobile" : "cloud";
  if (wish.callMethod !== "auto" && wish.callMethod !== method) return "other_method_requested";
  const named = wish.lineId !== null || wish.channel !== null;
  const bound = wish.bound.filter((one) => one.lineId !== null || one.channel !== null);
  if (!named && bound.length > 0 && !bound.some((one) => binds(one, line))) return "not_bound";
  const hasOther = lines.some((other) => !other.archived && !other.definition.simulated);
  if (definition.simulated && !named && hasOther) return "simulated";
  const { agent } = wish;
  if (agent === null && !definition.simulated) return "agent_cannot_be_rung";
  if (agent !== null && definition.agentKind === "phone" && !agent.hasPhone) return "agent_cannot_be_rung";
  if (agent !== null && definition.agentKind === "seat" && !agent.seatOn(channel)) return "agent_cannot_be_rung";
  for (const field of wish.fields) {
    if (!definition.honours(line.config).includes(field)) return `field_not_honoured ${field}`;
  }
  return null;
}

/** A fraction: so much of the currency's unit. */
interface Cost {
  above: bigint;
  below: bigint;
}

function costOf(price: LinePrice): Cost | null {
  if (price.a === undefined && price.b === undefined) return null;
  const legs = [legCost(price.a, 90), legCost(price.b, 70)];
  return legs.reduce((one, other) => ({
    above: one.above * other.below + other.above * one.below,
    below: one.below * other.below,
  }));
}

function legCost(price: LegPrice | undefined, seconds: number): Cost {
  if (price === undefined) return { above: 0n, below: 1n };
  let paid = price.firstIncrement;
  while (paid < seconds) paid += price.nextIncrement;
  const decimals = price.perMinute.split(".")[1]?.length ?? 0;
  return { above: BigInt(price.perMinute.replace(".", "")) * BigInt(paid), below: 60n * 10n ** BigInt(decimals) };
}

function compareCosts(one: Cost | null, other: Cost | null): number {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  const [mine, theirs] = [one.above * other.below, other.above * one.below];
  return mine < theirs ? -1 : mine > theirs ? 1 : 0;
}

function usual(lines: readonly Line[]): string | null {
  const priced = lines.flatMap(({ price, archived }) =>
    archived || price === null || costOf(price) === null ? [] : [price],
  );
  const uses = (currency: string): number => priced.filter((price) => price.currency === currency).length;
  const names = [...new Set(priced.map((price) => price.currency))].sort();
  return names.find((name) => names.every((other) => uses(name) >= uses(other))) ?? null;
}
