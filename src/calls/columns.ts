import type { Projection } from "../domain/record.ts";

type Cell = string | number | boolean | Date | null;

/** One column that follows from the facts: its name, its type, and how the projection says it. */
interface Column {
  name: string;
  type: string;
  of(projection: Projection): Cell | readonly string[];
}

const time = (name: string, of: (p: Projection) => number | null): Column => ({
  name,
  type: "timestamptz",
  of: (p) => {
    const at = of(p);
    return at === null ? null : new Date(at);
  },
});
const text = (name: string, of: (p: Projection) => string | null): Column => ({ name, type: "text", of });
const whole = (name: string, of: (p: Projection) => number | null): Column => ({ name, type: "bigint", of });
const flag = (name: string, of: (p: Projection) => boolean): Column => ({ name, type: "boolean", of });

/** Every column of `call_records` that follows from its facts, beside `merge`, `version` and `updated`. */
const projectedColumns: readonly Column[] = [
  text("channel", (p) => p.channel),
  whole("line_id", (p) => p.lineId),
  whole("attempt", (p) => p.attempt),
  text("provider_call_id", (p) => p.providerCallId),
  text("provider_job_id", (p) => p.providerJobId),
  text("caller_number", (p) => p.shownNumber?.masked ?? null),
  text("caller_number_sealed", (p) => p.shownNumber?.sealed ?? null),
  text("caller_number_index", (p) => p.shownNumber?.index ?? null),
  text("ch_state", (p) => p.chState),
  text("state", (p) => p.state),
  text("status", (p) => p.status),
  flag("answered", (p) => p.answered),
  time("a_call_time", (p) => p.aCallTime),
  time("b_call_time", (p) => p.bCallTime),
  time("a_ring_time", (p) => p.aRingTime),
  time("b_ring_time", (p) => p.bRingTime),
  time("a_offhook_time", (p) => p.aOffhookTime),
  time("b_offhook_time", (p) => p.bOffhookTime),
  time("conn_time", (p) => p.connTime),
  time("close_time", (p) => p.closeTime),
  whole("duration", (p) => p.duration),
  whole("ring_duration", (p) => p.ringDuration),
  text("close_type", (p) => (p.closeType === null ? null : String(p.closeType))),
  text("hangup_cause", (p) => p.hangupCause),
  text("hangup_code", (p) => p.hangupCode),
  flag("has_recording", (p) => p.hasRecording),
  text("ch_audio_url", (p) => p.recordingRef),
  whole("recording_duration", (p) => p.recordingDuration),
  whole("recording_size", (p) => p.recordingSize ?? 0),
  text("cost", (p) => p.cost),
  text("cost_currency", (p) => p.costCurrency),
  flag("has_cdr", (p) => p.hasCdr),
  flag("doubled", (p) => p.doubled),
  { name: "estimated", type: "text[]", of: (p) => p.estimated },
  flag("finalized", (p) => p.finalized),
  time("latest_end", (p) => p.latestEnd),
  time("finalize_due", (p) => p.finalizeDue),
  time("queued_until", (p) => p.queuedUntil),
];

/** Their names, as a statement lists them. */
export const projectedNames = projectedColumns.map(({ name }) => name).join(", ");
/** Their names and types, as a `recordset` declares them. */
export const projectedShape = projectedColumns.map(({ name, type }) => `${name} ${type}`).join(", ");
/** `name = news.name` for each. */
export const projectedSets = projectedColumns.map(({ name }) => `${name} = news.${name}`).join(", ");

/** What is null is left out: a `recordset` reads it so, and most of a young call is. */
export function projectedCells(projection: Projection): Record<string, unknown> {
  const cells: Record<string, unknown> = {};
  for (const { name, of } of projectedColumns) {
    const cell = of(projection);
    if (cell !== null) cells[name] = cell;
  }
  return cells;
}
