import type { Context } from "../context.ts";
import type { Line } from "../lines/directory.ts";
import { causeWords } from "./cause.ts";
import { type Moment, silentCalls } from "./judge.ts";
import { lookAt } from "./look.ts";
import { ownShare } from "./odds.ts";
import { type Row, rowsOf } from "./rows.ts";
import { type LineHealth, newLineHealth, type Share, type Transition } from "./state.ts";
import { traitsOf } from "./usual.ts";
import type { HealthView } from "./view.ts";

interface Words {
  zh: string;
  en: string;
}

/** A line's health as operations see it. Times are ISO 8601; milliseconds and shares are rounded. */
export interface LineHealthView {
  lineId: number;
  name: string;
  status: "active" | "inactive";
  health: HealthView["state"];
  since: string;
  cause: string | null;
  /** What happened and what to do. */
  words: Words | null;
  /** An operator's, while it is held. */
  reason: string | null;
  heldBy: string | null;
  /** Share of its calls that it may have now. */
  share: number;
  /** One call may try it now. */
  trial: boolean;
  uncertain: boolean;
  /** When a trial may be placed at the earliest; null while it is in use or held. */
  nextTry: string | null;
  evidence: EvidenceView;
  /** The last twenty, newest first. */
  transitions: TransitionView[];
}

interface EvidenceView {
  /** Of the last sixty ended calls, and of its history; null = too few. */
  asr: number | null;
  usualAsr: number | null;
  pddP50Ms: number | null;
  usualPddMs: number | null;
  /** Of the last ten or so placements, and what is usual for it. */
  errorShare: number;
  usualErrorShare: number;
  failuresInARow: number;
  slowestPlacementMs: number | null;
  /** Placed, and longer without news than ever. */
  silentCalls: number;
  lastHeard: string | null;
  missedProbes: number;
  lastProbe: string | null;
  pollLagMs: number;
}

interface TransitionView {
  from: HealthView["state"];
  to: HealthView["state"];
  cause: string;
  words: Words;
  reason: string | null;
  at: string;
}

export interface ChannelHealthView {
  channel: string;
  /** Of its best line in use; null where none is. */
  health: HealthView["state"] | null;
  lines: LineHealthView[];
}

/** The lines of a tenant with their shared health, by channel. Archived ones are left out. */
export async function showHealth(
  ctx: Context,
  tenant: string,
  lines: readonly Line[],
  lagMs: number,
): Promise<ChannelHealthView[]> {
  const found = new Map((await ctx.db.run((q) => rowsOf(q, tenant))).map((row) => [row.lineId, row]));
  const moment = { now: Math.floor(ctx.clock.now().getTime()), lagMs };
  const shown = lines.filter((line) => !line.archived);
  return [...Map.groupBy(shown, (line) => line.channel)].map(([channel, ofChannel]) => {
    const views = ofChannel.map((line) => showLineHealth(line, found.get(line.id), moment));
    return { channel, health: best(views), lines: views };
  });
}

const order: readonly HealthView["state"][] = ["up", "degraded", "down", "held"];

function best(views: readonly LineHealthView[]): HealthView["state"] | null {
  const states = views.filter(({ status }) => status === "active").map(({ health }) => health);
  return order.find((state) => states.includes(state)) ?? null;
}

function showLineHealth(line: Line, row: Row | undefined, moment: Moment): LineHealthView {
  const health = row?.health ?? newLineHealth(moment.now);
  const { mode } = health;
  const { share, trial, uncertain } = lookAt(health, moment.now);
  const held = mode.is === "held" ? mode : null;
  const cause = mode.is === "up" ? null : mode.is === "held" ? "operator" : mode.cause;
  return {
    lineId: line.id,
    name: line.name,
    status: line.active ? "active" : "inactive",
    health: mode.is,
    since: iso(mode.since),
    cause,
    words: cause === null ? null : causeWords[cause],
    reason: held?.reason ?? null,
    heldBy: held?.by ?? null,
    share: hundredths(share),
    trial,
    uncertain,
    nextTry: mode.is === "down" ? iso(mode.until) : null,
    evidence: showEvidence(line, health, moment),
    transitions: (row?.transitions ?? []).map(showTransition).reverse(),
  };
}

function showEvidence(line: Line, { evidence }: LineHealth, moment: Moment): EvidenceView {
  const { asr, pdd } = evidence;
  return {
    asr: shareOf(asr.now, asr.last),
    usualAsr: shareOf(asr.past),
    pddP50Ms: pdd.recent.length === 0 ? null : pdd.middle,
    usualPddMs: pdd.past === null ? null : Math.round(pdd.past),
    errorShare: hundredths(evidence.failing),
    usualErrorShare: Math.round(ownShare(evidence) * 10_000) / 10_000,
    failuresInARow: evidence.streak,
    slowestPlacementMs: evidence.answers === 0 ? null : Math.round(evidence.slowMs),
    silentCalls: silentCalls(evidence, traitsOf(line.definition, line.config), moment),
    lastHeard: evidence.heardAt === null ? null : iso(evidence.heardAt),
    missedProbes: evidence.misses,
    lastProbe: evidence.probedAt === null ? null : iso(evidence.probedAt),
    pollLagMs: evidence.pollLagMs,
  };
}

function showTransition({ from, to, cause, reason, at }: Transition): TransitionView {
  return { from, to, cause, words: causeWords[cause], reason, at: iso(at) };
}

function shareOf(...blocks: Share["now"][]): number | null {
  const [count, hits] = blocks.reduce(([n, m], [more, hit]) => [n + more, m + hit], [0, 0]);
  return count < 1 ? null : hundredths(hits / count);
}

const iso = (ms: number): string => new Date(ms).toISOString();
const hundredths = (share: number): number => Math.round(share * 100) / 100;
