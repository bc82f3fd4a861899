import type { ChannelDefinition } from "../../channels/contract.ts";
import { fake } from "../../channels/fake/index.ts";
import { storedPhone } from "../../src/domain/phone.ts";
import type { Line } from "../../src/lines/directory.ts";
import { makeBook } from "../../src/routing/book.ts";
import { choose } from "../../src/routing/choose.ts";
import type { Wish } from "../../src/routing/refuse.ts";
import type { LineState } from "../../src/routing/state.ts";
import { median, note, percentile, tell } from "./figures.ts";
import type { Bench } from "./main.ts";

const lines = 1_000;
const users = 10_000;
const channels = ["alpha", "beta", "gamma", "delta", "epsilon"];
const decisions = 50_000;
const few = 100;
const many = 10_000;
const rounds = 15;
const perRound = 2_000;

/**
 * One decision, from the user's bindings to the lines to try, over a tenant's lines in memory; and what lines cost that
 * cannot be candidates. No request and no statement is in it: those are `dial`.
 */
export const run: Bench = async () => {
  const results = [decisionTime()];
  for (const [kind, figure] of Object.entries(strangers)) results.push(growth(kind, figure));
  return results.every(Boolean);
};

function decisionTime(): boolean {
  const all = Array.from({ length: lines }, (_, n) => lineOf(n + 1, channels[n % channels.length]));
  const states = Array.from({ length: lines + 1 }, (_, id) => stateOf(id));
  const state = (id: number): LineState => states[id] as LineState;
  const began = performance.now();
  const book = makeBook(all, state);
  note(`a book of ${lines} lines was made in ${(performance.now() - began).toFixed(1)} ms, once for each load`);
  const bindings = Array.from({ length: users }, (_, user) => bindingsOf(user));
  let none = 0;
  const decide = (n: number): number => {
    const wish = wishOf(n, bindings[(n * 7_919) % users]);
    const started = performance.now();
    const { candidates } = choose(book, wish, state);
    const took = performance.now() - started;
    if (candidates.length === 0) none++;
    return took;
  };
  for (let n = 0; n < decisions / 5; n++) decide(n);
  const times = Array.from({ length: decisions }, (_, n) => decide(n));
  // Who is bound to sick lines alone, or names one, may get none.
  if (none > decisions / 20) throw new Error("too many decisions without a line");
  note(`decision p50 ${percentile(times, 0.5).toFixed(3)} ms, p99.9 ${percentile(times, 0.999).toFixed(3)} ms`);
  return tell({
    bench: "route",
    figure: percentile(times, 0.99),
    unit: "ms p99",
    peer: "limit",
    peerFigure: 1,
    goal: 1,
    atMost: true,
  });
}

/** Ways in which a line is no candidate: how it is made, and what the call wishes. */
const strangers: Record<string, { line: Partial<Line>; channel?: string; wish: Partial<Wish>; sick?: true }> = {
  "switched off": { line: { active: false }, wish: {} },
  "of another channel": { line: {}, channel: "beta", wish: { channel: "alpha" } },
  "not bound": { line: {}, channel: "beta", wish: { bound: [{ lineId: null, channel: "alpha" }] } },
  "not the one that is named": { line: {}, wish: { lineId: 1 } },
  sick: { line: {}, wish: {}, sick: true },
  "without the field": { line: { config: { honours: [] } }, channel: "beta", wish: { fields: ["record"] } },
};

const [good, bad] = [stateOf(1), stateOf(27)];

/** The same call among 20 candidates, with 100 and with 10,000 other lines, in turns, so that noise is shared. */
function growth(kind: string, { line, channel, wish, sick }: (typeof strangers)[string]): boolean {
  const [small, large] = [few, many].map((count) => {
    const mine = Array.from({ length: 20 }, (_, n) => lineOf(n + 1, "alpha"));
    const others = Array.from({ length: count }, (_, n) => ({ ...lineOf(n + 21, channel ?? "alpha"), ...line }));
    const state = (id: number): LineState => (sick && id > mine.length ? bad : good);
    const book = makeBook([...mine, ...others], state);
    const asked = { ...wishOf(0, []), channel: null, lineId: null, ...wish };
    return () => {
      const started = performance.now();
      for (let n = 0; n < perRound; n++) choose(book, asked, state);
      return (performance.now() - started) / perRound;
    };
  }) as [() => number, () => number];
  for (const one of [small, large]) one();
  const pairs = Array.from({ length: rounds }, () => [small(), large()] as const);
  return tell({
    bench: "route",
    figure: median(pairs.map(([, time]) => time)) * 1_000,
    unit: `us with ${many} lines ${kind}`,
    peer: `with ${few}`,
    peerFigure: median(pairs.map(([time]) => time)) * 1_000,
    goal: Math.log(many) / Math.log(few),
    atMost: true,
  });
}

const definition = (provider: string): ChannelDefinition => ({
  ...(fake as unknown as ChannelDefinition),
  provider,
  simulated: false,
  honours: (config) => (config as { honours: Wish["fields"] }).honours,
});
const definitions = new Map(channels.map((name) => [name, definition(name)]));

function lineOf(id: number, channel = "alpha"): Line {
  const cents = 5 + ((id * 31) % 17);
  return {
    id,
    tenant: "bench",
    accountId: `account-${id % 50}`,
    webhookToken: `token-${id % 50}`,
    name: `line ${id}`,
    channel,
    shownNumber: storedPhone(`+86108888${String(id).padStart(4, "0").slice(-4)}`),
    active: true,
    archived: false,
    health: "up",
    price: {
      currency: "CNY",
      a: { perMinute: `0.${String(cents).padStart(2, "0")}`, firstIncrement: 60, nextIncrement: 60 },
      b: { perMinute: "0.08", firstIncrement: 6, nextIncrement: 6 },
    },
    maxConcurrent: 30,
    dailyLimit: 5_000,
    perSecond: 0,
    config: { honours: ["privacy", "record", "displayNumber"] },
    webhookSecret: null,
    webhookSenders: [],
    definition: definitions.get(channel) as ChannelDefinition,
  };
}

/** Most lines are well, some are ramping up, degraded or down. */
function stateOf(id: number): LineState {
  const bad = id % 20 === 7;
  return {
    health: {
      state: bad ? "down" : id % 13 === 3 ? "degraded" : "up",
      share: bad ? 0 : id % 11 === 5 ? 0.4 : 1,
      trial: id % 200 === 7,
      uncertain: id % 40 === 7,
      sickness: bad ? 0.8 : 0,
    },
    inUse: (id * 17) % 31,
    today: (id * 101) % 4_000,
    answered: ((id * 7) % 100) / 100,
  };
}

/** One to three lines or channels; every tenth user has none, so that all lines are open to them. */
function bindingsOf(user: number): Wish["bound"] {
  return Array.from({ length: user % 10 === 0 ? 0 : 1 + (user % 3) }, (_, n) =>
    (user + n) % 4 === 0
      ? { lineId: null, channel: channels[(user + n) % channels.length] ?? null }
      : { lineId: ((user * 13 + n * 7) % lines) + 1, channel: null },
  );
}

function wishOf(n: number, bound: Wish["bound"] = []): Wish {
  return {
    lineId: n % 50 === 1 ? (n % lines) + 1 : null,
    channel: n % 20 === 2 ? (channels[n % channels.length] ?? null) : null,
    callMethod: "auto",
    fields: n % 3 === 0 ? ["record", "privacy"] : [],
    agent: { hasPhone: true, seatOn: () => false },
    bound,
    lastShown: n % 2 === 0 ? { lineId: (n % lines) + 1, number: storedPhone("+861088880042") } : null,
    seed: `call_20261121_${n.toString(36).padStart(16, "0")}`,
  };
}
