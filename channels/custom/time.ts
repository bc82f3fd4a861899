/** The times of a provider, as its operator describes them. */
import { type TimeFormat, timeFormat } from "../kit/zone.ts";
import type { TimeForm } from "./form.ts";

const isoForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$/;
const epochs: Record<string, number> = { "epoch-s": 1_000, "epoch-ms": 1 };

/** Throws where the zone is unknown. */
export function openTimes({ format, zone }: TimeForm): TimeFormat {
  const unitMs = epochs[format];
  if (unitMs !== undefined) {
    return {
      write: (time) => String(Math.floor(time.getTime() / unitMs)),
      read: (text) => (/^\d{9,14}$/.test(text) ? valid(new Date(Number(text) * unitMs)) : null),
    };
  }
  if (format !== "iso") return timeFormat(format, zone);
  return { write: (time) => time.toISOString(), read: (text) => (isoForm.test(text) ? valid(new Date(text)) : null) };
}

function valid(time: Date): Date | null {
  return Number.isNaN(time.getTime()) ? null : time;
}

/** Providers write zeros, or nothing, for what has not happened. */
export function isUnset(text: string): boolean {
  return /^[0\s:./-]*$/.test(text) || text === "null" || text === "undefined";
}
