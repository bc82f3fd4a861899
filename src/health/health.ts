/** What calls, news and operators tell of lines, and what they may ask. */
import type { ErrorCause, ErrorKind } from "../../channels/errors.ts";
import type { Context } from "../context.ts";
import type { Directory, Line } from "../lines/directory.ts";
import { askProbe, type ProbeResult, probeMessage } from "../lines/probe.ts";
import { errorFields } from "../log.ts";
import { type BookTools, createBook } from "./book.ts";
import { faultOf } from "./cause.ts";
import type { Entry } from "./entry.ts";
import { recentAsr } from "./judge.ts";
import { createLag, feedLags, inboxLagMs } from "./lag.ts";
import { lookAt } from "./look.ts";
import { createOnce } from "./once.ts";
import { createRoster } from "./roster.ts";
import { claimProbes } from "./rows.ts";
import type { HealthView } from "./view.ts";

export interface AttemptOf {
  callId: string;
  number: number;
}

export type PlacementOutcome = { is: "placed" } | { is: "refused" | "unknown"; kind: ErrorKind; cause: ErrorCause };

/** News of one attempt, as one batch of deliveries told it. Times are epoch milliseconds. */
export interface HeardOf extends AttemptOf {
  lineId: number;
  sent: number;
  received: number;
  /** It came by itself: what was asked for proves nothing about pushes. */
  pushed: boolean;
  /** When the agent's phone began to ring. */
  rang: number | null;
  /** The call is over, and whether it was answered. */
  answered: boolean | null;
}

export interface Health {
  /** A placement leaves now. */
  started(line: Line, attempt: AttemptOf): void;
  finished(line: Line, attempt: AttemptOf, outcome: PlacementOutcome): void;
  /** After the commit of what was heard. */
  heard(news: readonly HeardOf[]): void;
  /** A push to the address of these lines' account could not prove where it came from. */
  refusedWebhook(lines: readonly Line[]): void;
  viewOf(lineId: number): HealthView;
  /** Share of its recent calls that were answered (ASR), 0..1; null while too few are known. */
  answeredOf(lineId: number): number | null;
  /** True for one call of all instances while the line is half open: this one may be placed. */
  takeTrial(lineId: number, callId: string): Promise<boolean>;
  hold(line: Line, by: string, reason: string): Promise<void>;
  release(line: Line): Promise<void>;
  /** Asks the provider now, whatever is due, and counts it. Nobody's phone rings. */
  probeNow(line: Line): Promise<ProbeResult>;
  /** Writes what was seen, and reads what others did. */
  flush(): Promise<void>;
  /** One look at what hangs and at the time; writes and reads what is due. */
  runOnce(): Promise<boolean>;
  /** Probes what is due, without waiting for the answers. */
  probeDue(): Promise<boolean>;
  /** Waits for probes under way. */
  settled(): Promise<void>;
  /** How many lines of each channel are in each state, as this process sees it. */
  counted(): { channel: string; state: HealthView["state"] }[];
  /** How long news waits in our own inbox. */
  lagMs(): number;
  /** What a tenant's lines say of its news: the latest of its feeds, and how many lines are silent. */
  newsOf(tenant: string): { feedLagMs: number; silentLines: number };
}

export interface HealthTools extends Pick<BookTools, "append" | "told" | "wake"> {
  directory: Directory;
}

const flushEveryMs = 250;
const refreshEveryMs = 1_000;
const lookEveryMs = 5_000;
const probeEveryMs = 15_000;
const probesAtOnce = 8;
const firstsKept = 20_000;

const unknownLine: HealthView = { state: "up", share: 1, trial: false, uncertain: false, sickness: 0 };

export function createHealth(ctx: Context, tools: HealthTools): Health {
  const { directory } = tools;
  let turned = false;
  const lag = createLag(ctx.clock);
  const book = createBook(ctx, {
    ...tools,
    ...lag,
    wake() {
      turned = true;
      tools.wake();
    },
    told(transitions) {
      for (const tenant of new Set(transitions.map((one) => one.tenant))) directory.changed(tenant);
      tools.told(transitions);
    },
  });
  const probing = new Map<number, Promise<unknown>>();
  const roster = createRoster(ctx, directory);
  const firsts = createOnce(firstsKept);
  const due = { flush: 0, refresh: 0, look: 0 };
  const now = (): number => Math.floor(ctx.clock.now().getTime());

  async function probe(line: Line): Promise<ProbeResult> {
    const { error, latencyMs } = await askProbe(ctx, directory.channelOf(line));
    // A provider that limits requests, or refuses one by a rule, is there.
    book.see(line.id, { is: "probe", at: now(), fault: error === null ? null : faultOf(error.kind, error.cause) });
    return { success: error === null, latency: latencyMs, message: probeMessage(error) };
  }

  /** Which lines there are, how far our own inbox is behind, and how late feeds are. */
  async function look(): Promise<void> {
    const { ids, changed } = await roster.look();
    book.know(changed);
    book.keep(ids);
    const at = ctx.clock.now();
    lag.inbox(await inboxLagMs(ctx.db, at));
    const lags = await feedLags(ctx.db, at);
    for (const { accountId, lineId, preview } of book.entries()) {
      const ms = lags.get(accountId) ?? 0;
      // Only what tells something new is written.
      if (ms > 60_000 || preview.evidence.pollLagMs > 60_000) book.see(lineId, { is: "poll-lag", at: now(), ms });
    }
  }

  function entryOf(line: Line): Entry | undefined {
    if (book.entry(line.id) === undefined) book.know([line]);
    return book.entry(line.id);
  }

  return {
    started(line, { callId, number }) {
      entryOf(line)?.pending.started(`${callId}.${number}`, callId, now());
    },
    finished(line, { callId: id, number }, outcome) {
      const entry = entryOf(line);
      if (entry === undefined) return;
      const at = now();
      const over = entry.pending.finished(`${id}.${number}`);
      const sent = over?.sent ?? at;
      // Ordinary successes are counted together; whose they are matters only on a line that is out of use.
      const callId = entry.preview.mode.is === "down" ? id : null;
      if (outcome.is === "placed") {
        if (over?.hung) book.see(line.id, { is: "returned", placed: true, at, ms: at - sent, sent, callId });
        else book.see(line.id, { is: "placed", at, count: 1, ms: at - sent, sent, callId });
        return;
      }
      const fault = faultOf(outcome.kind, outcome.cause);
      if (fault === null) {
        if (over?.hung) book.see(line.id, { is: "returned", placed: false, at, ms: at - sent, sent, callId });
        else book.see(line.id, { is: "answered", at, callId });
      } else if (!over?.hung) {
        book.see(line.id, { is: "failed", at, fault, unknown: outcome.is === "unknown", callId });
      }
    },
    heard(news) {
      const at = now();
      for (const { lineId, callId, number, sent, received, pushed, rang, answered } of news) {
        const ref = `${callId}.${number}`;
        if (pushed) {
          const firstMs = firsts.is(`${ref} news`) ? Math.max(0, received - sent) : null;
          book.see(lineId, { is: "heard", at: Math.floor(received), firstMs });
        }
        if (rang !== null && firsts.is(`${ref} rang`))
          book.see(lineId, { is: "rang", at, pddMs: Math.max(0, rang - sent) });
        if (answered !== null && firsts.is(`${ref} ended`)) book.see(lineId, { is: "ended", at, answered });
      }
    },
    refusedWebhook(lines) {
      for (const line of lines)
        if (line.active && entryOf(line) !== undefined) book.see(line.id, { is: "push-refused", at: now() });
    },
    viewOf(lineId) {
      const entry = book.entry(lineId);
      if (entry === undefined) return unknownLine;
      // A hang must not wait for the next look at all lines.
      if (entry.pending.size > 0 && book.watch([entry])) tools.wake();
      return lookAt(entry.preview, now());
    },
    answeredOf: (lineId) => recentAsr(book.entry(lineId)?.preview.evidence.asr),
    takeTrial: (lineId, callId) => book.takeTrial(lineId, callId),
    async hold(line, by, reason) {
      entryOf(line);
      book.see(line.id, { is: "hold", at: now(), by, reason });
      await book.flush();
    },
    async release(line) {
      entryOf(line);
      book.see(line.id, { is: "release", at: now() });
      await book.flush();
    },
    async probeNow(line) {
      entryOf(line);
      const result = await probe(line);
      await book.flush();
      return result;
    },
    async flush() {
      book.watch();
      await book.flush();
      await book.refresh();
    },
    async runOnce() {
      const at = now();
      if (at >= due.look) {
        due.look = at + lookEveryMs;
        await look();
      }
      if (book.watch() || turned || at >= due.flush) {
        turned = false;
        due.flush = at + flushEveryMs;
        await book.flush();
      }
      if (at >= due.refresh) {
        due.refresh = at + refreshEveryMs;
        await book.refresh();
      }
      return turned;
    },
    async probeDue() {
      const room = probesAtOnce - probing.size;
      if (room === 0) return false;
      const jitter = 0.8 + (0.4 * (ctx.randomBytes(1)[0] ?? 0)) / 256;
      const at = now();
      const next = new Date(at + probeEveryMs * jitter);
      const claimed = await ctx.db.run((q) => claimProbes(q, room, new Date(at), next));
      for (const lineId of claimed) {
        const entry = book.entry(lineId);
        const line = entry === undefined ? null : await directory.line(entry.tenant, lineId);
        if (line === null || probing.has(lineId)) continue;
        const asked = probe(line)
          .catch((error) => ctx.log.error({ ...errorFields(error), lineId }, "a probe threw what it must not"))
          .finally(() => probing.delete(lineId));
        probing.set(lineId, asked);
      }
      return claimed.length === room;
    },
    async settled() {
      await Promise.all(probing.values());
    },
    lagMs: lag.lagMs,
    newsOf(tenant) {
      const mine = [...book.entries()].filter((one) => one.tenant === tenant);
      const feedLagMs = Math.max(0, ...mine.map(({ preview }) => preview.evidence.pollLagMs));
      const silent = mine.filter(({ preview: { mode } }) => mode.is === "down" && mode.cause === "silent");
      return { feedLagMs, silentLines: silent.length };
    },
    counted: () => [...book.entries()].map(({ channel, preview }) => ({ channel, state: preview.mode.is })),
  };
}
