import type { ChannelDefinition, OrderField } from "../../channels/contract.ts";
import type { Line } from "../lines/directory.ts";
import { estimate, estimateText, usualCurrency } from "./price.ts";
import type { LineState, StateOf } from "./state.ts";

/**
 * Lines that are alike in all that a wish can ask of a line without meaning that very one. A wish is held against each
 * kind once, however many lines it has.
 */
export interface Kind {
  channel: string;
  method: "cloud" | "mobile";
  simulated: boolean;
  agentKind: ChannelDefinition["agentKind"];
  honours: readonly OrderField[];
  /** How many are switched on, `awake` or `resting`. */
  size: number;
  /** Those to be looked at for each call, by id. */
  awake: Entry[];
  /** Those that their health kept out when the book was made: looked at again only in need, or with the next book. */
  resting: { held: Entry[]; down: Entry[] };
}

export interface Entry {
  line: Line;
  kind: Kind;
  /** 0 for the cheapest, equal for equal prices; the last where the price is unknown or in another currency. */
  cost: number;
  /** What a typical call costs, for people; null where it is unknown. */
  estimate: { amount: string; currency: string } | null;
}

/** A tenant's lines, made ready for choosing among them: once for each load of the directory, not for each call. */
export interface Book {
  /** All of them, by id. */
  entries: readonly Entry[];
  byId: ReadonlyMap<number, Entry>;
  kinds: readonly Kind[];
  /** Those that have a line which is not archived. */
  channels: ReadonlySet<string>;
  archived: number;
  /** Switched off, not archived. */
  inactive: number;
  /** The tenant has a line that rings phones: simulated ones are then used only when they are named. */
  hasReal: boolean;
}

export function makeBook(lines: readonly Line[], stateOf: StateOf): Book {
  const kinds = new Map<string, Kind>();
  const costs = costRanks(lines);
  const entries = lines.map((line): Entry => {
    const kind = kindOf(line, kinds);
    const cost = costs.estimates.get(line.id);
    const known = cost === undefined ? null : { amount: estimateText(cost), currency: costs.currency ?? "" };
    const entry = { line, kind, cost: costs.ranks.get(cost) ?? costs.ranks.size, estimate: known };
    if (line.active && !line.archived) enter(entry, stateOf(line.id));
    return entry;
  });
  return {
    entries,
    byId: new Map(entries.map((entry) => [entry.line.id, entry])),
    kinds: [...kinds.values()],
    channels: new Set(lines.filter((line) => !line.archived).map((line) => line.channel)),
    archived: lines.filter((line) => line.archived).length,
    inactive: lines.filter((line) => !line.active && !line.archived).length,
    hasReal: lines.some((line) => !line.definition.simulated && !line.archived),
  };
}

function enter(entry: Entry, { health }: LineState): void {
  const { kind } = entry;
  kind.size++;
  if (health.state === "held") kind.resting.held.push(entry);
  else if (health.state === "down" && !health.trial) kind.resting.down.push(entry);
  else kind.awake.push(entry);
}

function kindOf(line: Line, kinds: Map<string, Kind>): Kind {
  const { channel, definition } = line;
  const honours = definition.honours(line.config);
  const key = [channel, ...honours.toSorted()].join(" ");
  const known = kinds.get(key);
  if (known !== undefined) return known;
  const { simulated, agentKind } = definition;
  const method = channel === "mobile" ? "mobile" : "cloud";
  const kind: Kind = {
    channel,
    method,
    simulated,
    agentKind,
    honours,
    size: 0,
    awake: [],
    resting: { held: [], down: [] },
  };
  kinds.set(key, kind);
  return kind;
}

/** Prices in one currency are put into an order once, so that a choice compares small whole numbers. */
function costRanks(lines: readonly Line[]) {
  const live = lines.filter((line) => !line.archived);
  const currency = usualCurrency(live.map((line) => line.price));
  const estimates = new Map<number, bigint>();
  for (const { id, price } of lines) {
    const cost = price?.currency === currency ? estimate(price) : null;
    if (cost !== null) estimates.set(id, cost);
  }
  const distinct = [...new Set(estimates.values())].sort((one, other) => (one < other ? -1 : 1));
  const ranks = new Map<bigint | undefined, number>(distinct.map((cost, rank) => [cost, rank]));
  return { currency, estimates, ranks };
}

const books = new WeakMap<readonly Line[], Book>();

/** The book of a list that the directory has loaded; the same list has the same book, for as long as it lives. */
export function bookOf(lines: readonly Line[], stateOf: StateOf): Book {
  const known = books.get(lines);
  if (known !== undefined) return known;
  const book = makeBook(lines, stateOf);
  books.set(lines, book);
  return book;
}
