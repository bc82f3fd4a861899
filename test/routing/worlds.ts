/** Price books, wishes and states of lines, drawn from a seed: the same seed, the same world. */
import { type ChannelDefinition, orderFields, type PhoneNumber } from "../../channels/contract.ts";
import { fake } from "../../channels/fake/index.ts";
import type { LegPrice, LinePrice } from "../../db/schema/index.ts";
import { storedPhone } from "../../src/domain/phone.ts";
import type { Line } from "../../src/lines/directory.ts";
import type { Wish } from "../../src/routing/refuse.ts";
import type { LineState } from "../../src/routing/state.ts";

/** Numbers in [0, 1) that follow from the seed. */
export function mulberry(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface World {
  lines: Line[];
  wish: Wish;
  states: Map<number, LineState>;
}

const numbers = ["+861088880001", "+861088880002", "+861088880003"].map(storedPhone);
const definitionOf = (provider: string, more: Partial<ChannelDefinition>): ChannelDefinition =>
  ({
    ...(fake as unknown as ChannelDefinition),
    ...more,
    provider,
    honours: (config) => (config as { honours: Wish["fields"] }).honours,
  }) satisfies ChannelDefinition;

export const channels = {
  phones: definitionOf("phones", { simulated: false, agentKind: "phone" }),
  seats: definitionOf("seats", { simulated: false, agentKind: "seat" }),
  mobile: definitionOf("mobile", { simulated: false, agentKind: "phone" }),
  demo: definitionOf("demo", { simulated: true, agentKind: "phone" }),
};
type ChannelName = keyof typeof channels;
const channelNames = Object.keys(channels) as ChannelName[];

/** A plain line that is up and honours everything; `more` says what is special about it. */
export function lineOf(id: number, more: Partial<Line> & { honours?: Wish["fields"] } = {}): Line {
  const { honours = orderFields, channel = "phones", ...rest } = more;
  return {
    id,
    tenant: "t",
    accountId: `account-${id}`,
    webhookToken: `token-${id}`,
    name: `line ${id}`,
    channel,
    shownNumber: null,
    active: true,
    archived: false,
    health: "up",
    price: null,
    maxConcurrent: 0,
    dailyLimit: 0,
    perSecond: 0,
    config: { honours },
    webhookSecret: null,
    webhookSenders: [],
    definition: channels[channel as ChannelName],
    ...rest,
  };
}

/** Nothing in particular is wished; an agent with a phone and every seat is there. */
export function wishOf(more: Partial<Wish> = {}): Wish {
  return {
    lineId: null,
    channel: null,
    callMethod: "auto",
    fields: [],
    agent: { hasPhone: true, seatOn: () => true },
    bound: [],
    lastShown: null,
    seed: "call",
    ...more,
  };
}

/** Up, with nothing counted; `health` says what is special about its health. */
export function stateOf(more: Partial<Omit<LineState, "health">> & { health?: Partial<LineState["health"]> } = {}) {
  const { health, ...counts } = more;
  const up = { state: "up", share: 1, trial: false, uncertain: false, sickness: 0 } as const;
  return { inUse: null, today: null, answered: null, ...counts, health: { ...up, ...health } } satisfies LineState;
}

type Random = () => number;
const chance = (random: Random, share: number): boolean => random() < share;
const below = (random: Random, max: number): number => Math.floor(random() * max);
const pick = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)] as T;
const some = <T>(random: Random, from: readonly T[], share: number): T[] => from.filter(() => chance(random, share));

export function world(seed: number): World {
  const random = mulberry(seed);
  // Most tenants have few lines; some have more than are listed one by one.
  const size = chance(random, 0.12) ? 51 + below(random, 60) : 1 + below(random, 14);
  const kinds = chance(random, 0.15) ? ["demo" as const] : some(random, channelNames, 0.7);
  const honours = [orderFields, [], some(random, orderFields, 0.6)];
  const ill = pick(random, [0, 0.2, 0.95]);
  const plainPrices = chance(random, 0.3);
  const lines: Line[] = [];
  const states = new Map<number, LineState>();
  for (let id = 1 + below(random, 5); lines.length < size; id += 1 + below(random, 3)) {
    lines.push(
      lineOf(id, {
        channel: pick(random, kinds.length === 0 ? channelNames : kinds),
        honours: chance(random, 0.7) ? orderFields : pick(random, honours),
        active: !chance(random, 0.1),
        archived: chance(random, 0.08),
        shownNumber: chance(random, 0.7) ? pick(random, numbers) : null,
        price: plainPrices ? null : priceOf(random),
        maxConcurrent: chance(random, 0.5) ? 1 + below(random, 8) : 0,
        dailyLimit: chance(random, 0.3) ? 1 + below(random, 4) : 0,
      }),
    );
    states.set(id, drawState(random, ill));
  }
  return { lines, states, wish: drawWish(random, lines) };
}

function priceOf(random: Random): LinePrice | null {
  if (chance(random, 0.2)) return null;
  const leg = (): LegPrice => ({
    perMinute: pick(random, ["0", "0.1", "0.10", "0.055", "0.000001", "0.12", "1", "0.3", "999999.999999"]),
    firstIncrement: pick(random, [1, 6, 30, 60, 3600]),
    nextIncrement: pick(random, [1, 6, 60, 7]),
  });
  return {
    currency: chance(random, 0.8) ? "CNY" : "USD",
    ...(chance(random, 0.7) && { a: leg() }),
    ...(chance(random, 0.7) && { b: leg() }),
  };
}

function drawState(random: Random, ill: number): LineState {
  const counts = {
    inUse: chance(random, 0.6) ? below(random, 9) : null,
    today: chance(random, 0.6) ? below(random, 5) : null,
    answered: chance(random, 0.6) ? below(random, 101) / 100 : null,
  };
  if (!chance(random, ill)) {
    const share = chance(random, 0.2) ? below(random, 100) / 100 : 1;
    return stateOf({ ...counts, health: { state: chance(random, 0.2) ? "degraded" : "up", share } });
  }
  if (chance(random, 0.2)) return stateOf({ ...counts, health: { state: "held", share: 0 } });
  const trial = chance(random, 0.2);
  const sickness = below(random, 5) / 4;
  return stateOf({
    ...counts,
    health: { state: "down", share: 0, trial, uncertain: chance(random, 0.5), sickness },
  });
}

function drawWish(random: Random, lines: readonly Line[]): Wish {
  const seats = some(random, channelNames, 0.7) as string[];
  const anyLine = (): number => (chance(random, 0.9) ? pick(random, lines).id : 9_999);
  const bindings = chance(random, 0.4) ? 1 + below(random, 4) : 0;
  return wishOf({
    lineId: chance(random, 0.1) ? anyLine() : null,
    channel: chance(random, 0.15) ? pick(random, channelNames) : null,
    callMethod: chance(random, 0.8) ? "auto" : pick(random, ["cloud", "mobile", "sip"]),
    fields: chance(random, 0.7) ? [] : some(random, orderFields, 0.3),
    agent: chance(random, 0.1) ? null : { hasPhone: chance(random, 0.85), seatOn: (name) => seats.includes(name) },
    bound: Array.from({ length: bindings }, () => ({
      lineId: chance(random, 0.6) ? anyLine() : null,
      channel: chance(random, 0.6) ? pick(random, channelNames) : null,
    })),
    lastShown: chance(random, 0.4)
      ? { lineId: anyLine(), number: pick<PhoneNumber | null>(random, [null, ...numbers]) }
      : null,
    seed: `call_20261121_${below(random, 1e9)}`,
  });
}
