/**
 * The shared view: each process keeps what it sees in memory and lays it, a few times a second, upon the one state of
 * a line in the database, under its row's lock. Between two writes it acts on its own preview, so that it leaves a sick
 * line at once, and goes on while the database is away.
 */
import type { Query } from "../../db/client.ts";
import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import type { Line } from "../lines/directory.ts";
import type { Around } from "./engine.ts";
import { adopt, age, type Entry, newEntry, replay, take } from "./entry.ts";
import { hangAfterMs } from "./evidence.ts";
import type { Observation } from "./observation.ts";
import { claimTrial, insertRows, lockRows, type Row, rowsSince, showStates, type Written, writeRows } from "./rows.ts";
import type { LineHealth, Transition } from "./state.ts";
import { traitsOf } from "./usual.ts";

/** A transition with the line it is of. */
export interface LineTransition extends Transition {
  tenant: string;
  lineId: number;
  name: string;
  channel: string;
}

export interface BookTools {
  /** Writes what others must hear, in the transaction that made it true. */
  append(q: Query, transitions: readonly LineTransition[]): Promise<void>;
  /** After the commit. */
  told(transitions: readonly LineTransition[]): void;
  /** For how long news may have waited with us: silence is no fault of a line's then. */
  lagMs(): number;
  /** The database has answered. */
  reached(): void;
  /** A state has turned here: a flush is wanted at once. */
  wake(): void;
}

export interface Book {
  know(lines: readonly Line[]): void;
  entry(lineId: number): Entry | undefined;
  entries(): Iterable<Entry>;
  see(lineId: number, seen: Observation): void;
  /** Forgets the lines that are out of use. What was written of them stays. */
  keep(lineIds: ReadonlySet<number>): void;
  /** Looks at what hangs and at the time, of all lines or of these; true when something is to be written at once. */
  watch(some?: Iterable<Entry>): boolean;
  flush(): Promise<void>;
  refresh(): Promise<void>;
  takeTrial(lineId: number, callId: string): Promise<boolean>;
}

const trialMs = 45_000;
const transitionsKept = 20;
/** Other instances' clocks and commits may be so much behind. */
const overlapMs = 5_000;
export const suspectProbeMs = 2_000;
const linesAtOnce = 500;

export function createBook(ctx: Context, tools: BookTools): Book {
  const writer = randomLetters(16, ctx.randomBytes);
  const known = new Map<number, Entry>();
  let last: Promise<void> = Promise.resolve();
  let readSince = 0;
  const now = (): number => Math.floor(ctx.clock.now().getTime());
  const random = (): number => (ctx.randomBytes(1)[0] ?? 0) / 256;

  const book: Book = {
    know(lines) {
      for (const line of lines) {
        const traits = traitsOf(line.definition, line.config);
        const about = {
          tenant: line.tenant,
          lineId: line.id,
          accountId: line.accountId,
          name: line.name,
          channel: line.channel,
          traits,
        };
        const entry = known.get(line.id);
        if (entry === undefined) known.set(line.id, newEntry(about, now()));
        else Object.assign(entry, about);
      }
    },
    entry: (lineId) => known.get(lineId),
    entries: () => known.values(),
    see(lineId, seen) {
      const entry = known.get(lineId);
      if (entry !== undefined && take(entry, seen, around(entry))) tools.wake();
    },
    keep(lineIds) {
      for (const [lineId, { pending, unwritten }] of known)
        if (!lineIds.has(lineId) && pending.size === 0 && unwritten.length === 0) known.delete(lineId);
    },
    watch(some = known.values()) {
      let due = false;
      for (const entry of some) {
        const hung = entry.pending.overdue(now(), hangAfterMs(entry.preview.evidence, entry.traits));
        let turned = false;
        for (const one of hung) turned = take(entry, one, around(entry)) || turned;
        if (age(entry, around(entry)) || turned) due = true;
      }
      return due;
    },
    flush: () => alone(flushAll),
    refresh: () => alone(readOthers),
    async takeTrial(lineId, callId) {
      const entry = known.get(lineId);
      const mode = entry?.preview.mode;
      if (entry === undefined || mode?.is !== "down" || mode.halfOpenSince === null || mode.trial !== null)
        return false;
      const until = now() + trialMs;
      const at = { now: new Date(now()), until: new Date(until), writer };
      if (!(await ctx.db.run((q) => claimTrial(q, lineId, callId, at)))) {
        await book.refresh();
        return false;
      }
      const tried = (health: LineHealth): LineHealth =>
        health.mode.is === "down" ? { ...health, mode: { ...health.mode, trial: { callId, until } } } : health;
      entry.shared = tried(entry.shared);
      entry.preview = tried(entry.preview);
      return true;
    },
  };

  function around(entry: Entry): Around {
    return { now: now(), lagMs: tools.lagMs(), random, traits: entry.traits };
  }

  /** One at a time: what is being written must not be overtaken by what was read before. */
  function alone(work: () => Promise<void>): Promise<void> {
    const mine = last.then(work, work);
    last = mine.catch(() => {});
    return mine;
  }

  async function readOthers(): Promise<void> {
    const at = now();
    const since = new Date(Math.max(0, readSince - overlapMs));
    for (const row of await ctx.db.run((q) => rowsSince(q, since, writer))) {
      const entry = known.get(row.lineId);
      if (entry !== undefined) adopt(entry, row.health, row.version, around(entry));
    }
    readSince = at;
    tools.reached();
  }

  async function flushAll(): Promise<void> {
    const due = [...known.values()].filter((one) => one.unwritten.length > 0 || one.version < 0 || turned(one));
    for (let from = 0; from < due.length; from += linesAtOnce) await flushSome(due.slice(from, from + linesAtOnce));
  }

  async function flushSome(due: readonly Entry[]): Promise<void> {
    // What is seen while this is written stays for the next one.
    const taken = new Map(due.map((one) => [one.lineId, one.unwritten]));
    for (const entry of due) entry.unwritten = [];
    try {
      const done = await ctx.db.tx((q) => write(q, due, taken));
      for (const row of done.rows) {
        const entry = known.get(row.lineId);
        if (entry !== undefined) adopt(entry, row.health, row.version, around(entry));
      }
      for (const one of done.transitions) {
        const { lineId, channel, tenant, cause } = one;
        const log = one.to === "down" ? ctx.log.warn : ctx.log.info;
        log({ tenant, lineId, channel, cause, kind: `${one.from} ${one.to}` }, "a line's health has changed");
      }
      if (done.transitions.length > 0) tools.told(done.transitions);
    } catch (error) {
      for (const entry of due) entry.unwritten = [...(taken.get(entry.lineId) ?? []), ...entry.unwritten];
      throw error;
    }
  }

  async function write(
    q: Query,
    due: readonly Entry[],
    taken: ReadonlyMap<number, Observation[]>,
  ): Promise<{ rows: Row[]; transitions: LineTransition[] }> {
    const at = new Date(now());
    const unknown = due.filter((one) => one.version < 0);
    if (unknown.length > 0)
      await insertRows(
        q,
        unknown.map(({ tenant, lineId, shared }) => ({ tenant, lineId, health: shared })),
        writer,
        at,
      );
    const written: Written[] = [];
    const transitions: LineTransition[] = [];
    for (const row of await lockRows(
      q,
      due.map((one) => one.lineId),
    )) {
      const entry = known.get(row.lineId);
      if (entry === undefined) continue;
      const next = replay(row.health, taken.get(row.lineId) ?? [], around(entry));
      const { tenant, lineId, name, channel } = entry;
      for (const one of next.transitions) transitions.push({ ...one, tenant, lineId, name, channel });
      written.push({
        ...row,
        health: next.health,
        version: row.version + 1,
        transitions: [...row.transitions, ...next.transitions].slice(-transitionsKept),
        probeBy: new Date(suspicious(next.health) ? at.getTime() + suspectProbeMs : at.getTime() + probeMaxMs),
      });
    }
    await writeRows(q, written, writer, at);
    if (transitions.length > 0) {
      const moved = new Set(transitions.map(({ lineId }) => lineId));
      await showStates(
        q,
        written.filter(({ lineId }) => moved.has(lineId)),
      );
      await tools.append(q, transitions);
    }
    return { rows: written, transitions };
  }

  return book;
}

/** Far enough that it moves no probe. */
const probeMaxMs = 3_600_000;

/** Time alone has turned it here, and the others do not know yet. */
function turned({ shared, preview }: Entry): boolean {
  const half = ({ mode }: LineHealth) => (mode.is === "down" ? [mode.halfOpenSince, mode.trial?.callId] : []);
  return shared.count !== preview.count || half(shared).join() !== half(preview).join();
}

/** Its next probe is wanted soon. */
export function suspicious({ mode, evidence }: LineHealth): boolean {
  return mode.is === "down" || evidence.misses > 0 || evidence.streak > 1;
}
