import type { Book, Entry, Kind } from "./book.ts";
import { bestOf, compareInNeed, compareRanks, type Rank, rankOf } from "./rank.ts";
import {
  type Asked,
  ask,
  type Considered,
  placeOf,
  type Refused,
  refusalOfKind,
  refusalOfLine,
  type Wish,
} from "./refuse.ts";
import type { StateOf } from "./state.ts";

export interface Candidate {
  lineId: number;
  /** Only whoever takes the line's trial lease may place; whoever does not walks on, unless `inNeed`. */
  trial: boolean;
  /** It is sick, but no line is well: it may be used. */
  inNeed: boolean;
}

export interface Choice {
  /** Lines to try, in this order. */
  candidates: Candidate[];
  /** The lines that were looked at, each with its reason. */
  considered: Considered[];
  /** How many more there are, which nobody had to look at one by one. */
  others: (Refused & { count: number })[];
}

/** More are never tried for one call. */
export const candidatesMax = 32;
/** A tenant with no more lines than this is told about each of them. */
export const listedMax = 50;

/**
 * Pure: which lines may take a call, in which order, and why each other may not. What a wish asks for is held against
 * kinds of lines, and lines that rest are left alone unless there is need: lines that cannot be candidates cost
 * nothing. `everyLine` looks at all of them and explains them one by one.
 */
export function choose(book: Book, wish: Wish, stateOf: StateOf, everyLine = false): Choice {
  const asked = ask(book, wish);
  const counts = new Counts();
  const pool = poolOf(asked, counts);
  const listAll = everyLine || book.entries.length <= listedMax;
  const resting = pool.flatMap((part) => part.resting);
  const awake = listAll
    ? null
    : judge(
        pool.map((part) => part.awake),
        asked,
        stateOf,
      );
  const seen = awake === null || awake.inNeed ? judge(pool.flatMap(everyOne), asked, stateOf) : awake;
  const taken = bestOf(seen.usable, candidatesMax, seen.inNeed ? compareInNeed : compareRanks);
  const candidates = taken.map((rank) => ({
    lineId: rank.entry.line.id,
    trial: rank.trial,
    inNeed: takenInNeed(rank, seen),
  }));
  if (listAll) return { candidates, considered: explainAll(asked, taken, seen), others: [] };
  const considered = taken.map((rank) => describeTaken(rank, seen));
  for (const unfit of seen === awake ? [seen.unfit, ...resting] : [seen.unfit]) {
    for (const [reason, entries] of Object.entries(unfit) as [keyof Unfit, Entry[]][]) {
      const listed = entries.slice(0, listedMax - considered.length);
      considered.push(...listed.map((entry) => describeRefused(entry, { reason })));
      counts.add({ reason }, entries.length - listed.length);
    }
  }
  counts.add({ reason: "outranked" }, seen.usable.length - taken.length);
  return { candidates, considered, others: counts.all() };
}

/** Lines refused for the same reason, by number. */
class Counts {
  readonly #found = new Map<string, Refused & { count: number }>();
  add(refused: Refused, count: number): void {
    if (count === 0) return;
    const key = `${refused.reason} ${refused.field ?? ""}`;
    const known = this.#found.get(key);
    if (known === undefined) this.#found.set(key, { ...refused, count });
    else known.count += count;
  }
  all(): (Refused & { count: number })[] {
    return [...this.#found.values()];
  }
}

/** Lines that the wish leaves, whatever their health. */
type Part = Pick<Kind, "awake" | "resting">;
const nobody = { held: [], down: [] };
const everyOne = ({ awake, resting }: Part): Entry[][] => [awake, resting.held, resting.down];

/** What the wish leaves; the other lines are counted by their reason. */
function poolOf(asked: Asked, counts: Counts): Part[] {
  const { book, wish, bindingOnly, boundLines, boundChannels } = asked;
  counts.add({ reason: "archived" }, book.archived);
  counts.add({ reason: "inactive" }, book.inactive);
  if (wish.lineId !== null) {
    const active = book.entries.length - book.archived - book.inactive;
    const pinned = switchedOn(book, wish.lineId);
    counts.add({ reason: "other_line_requested" }, active - (pinned === null ? 0 : 1));
    const refusal = pinned === null ? null : refusalOfLine(pinned, asked);
    if (refusal !== null) counts.add(refusal, 1);
    return pinned === null || refusal !== null ? [] : [{ awake: [pinned], resting: nobody }];
  }
  const single = bindingOnly ? [...boundLines.keys()].flatMap((id) => switchedOn(book, id) ?? []) : [];
  const singleByKind = Map.groupBy(single, (entry) => entry.kind);
  const pool: Part[] = [];
  for (const kind of book.kinds) {
    const whole = !bindingOnly || boundChannels.has(kind.channel);
    const named = singleByKind.get(kind) ?? [];
    const bound = whole ? kind.size : named.length;
    const refusal = refusalOfKind(kind, asked, true);
    if (refusal === null) pool.push(whole ? kind : { awake: named, resting: nobody });
    else counts.add(refusal, bound);
    if (bound < kind.size) {
      counts.add(refusalOfKind(kind, asked, false) ?? { reason: "not_bound" }, kind.size - bound);
    }
  }
  return pool;
}

function switchedOn(book: Book, id: number): Entry | null {
  const entry = book.byId.get(id);
  return entry === undefined || !entry.line.active || entry.line.archived ? null : entry;
}

/** Lines that their health keeps out. */
type Unfit = Partial<Record<"held" | "down" | "uncertain", Entry[]>>;

interface Judged {
  usable: Rank[];
  /** No line was well, so that sick ones with definite outcomes are among the usable. */
  inNeed: boolean;
  unfit: Unfit;
}

function judge(groups: readonly Entry[][], asked: Asked, stateOf: StateOf): Judged {
  const usable: Rank[] = [];
  const sick: Rank[] = [];
  const held: Entry[] = [];
  let inNeed = true;
  for (const entries of groups) {
    for (const entry of entries) {
      const state = stateOf(entry.line.id);
      if (state.health.state === "held") {
        held.push(entry);
        continue;
      }
      const rank = rankOf(entry, placeOf(entry, asked), state, asked.wish);
      if (rank.sick && !rank.trial) sick.push(rank);
      else usable.push(rank);
      if (!rank.sick) inNeed = false;
    }
  }
  if (!inNeed) return { usable, inNeed, unfit: { held, down: sick.map((rank) => rank.entry) } };
  const uncertain = sick.filter((rank) => rank.uncertain).map((rank) => rank.entry);
  return { usable: [...usable, ...sick.filter((rank) => !rank.uncertain)], inNeed, unfit: { held, uncertain } };
}

const takenInNeed = (rank: Rank, { inNeed }: Judged): boolean => inNeed && !rank.uncertain;

function explainAll(asked: Asked, taken: readonly Rank[], seen: Judged): Considered[] {
  const { held = [], down = [], uncertain = [] } = seen.unfit;
  const told = new Map<Entry, Considered>([
    ...taken.map((rank) => [rank.entry, describeTaken(rank, seen)] as const),
    ...held.map((entry) => [entry, describeRefused(entry, { reason: "held" })] as const),
    ...down.map((entry) => [entry, describeRefused(entry, { reason: "down" })] as const),
    ...uncertain.map((entry) => [entry, describeRefused(entry, { reason: "uncertain" })] as const),
  ]);
  const other = (entry: Entry) => describeRefused(entry, refusalOfLine(entry, asked) ?? { reason: "outranked" });
  return asked.book.entries.map((entry) => told.get(entry) ?? other(entry));
}

function describeTaken(rank: Rank, seen: Judged): Considered {
  const { entry, keeps, trial, why } = rank;
  return {
    ...describe(entry),
    taken: true,
    reason: null,
    ...(entry.estimate !== null && { estimate: entry.estimate }),
    ...(keeps && { keepsNumber: true as const }),
    ...(why !== null && { behind: why }),
    ...(trial && { trial: true as const }),
    ...(takenInNeed(rank, seen) && { inNeed: true as const }),
  };
}

function describeRefused(entry: Entry, refused: Refused): Considered {
  return { ...describe(entry), taken: false, ...refused };
}

function describe({ line }: Entry) {
  return { lineId: line.id, name: line.name, channel: line.channel };
}
