/** Times as providers write them: fixed digits in some order, in a named zone. Pure. */

export const beijing = "Asia/Shanghai";

export interface TimeFormat {
  write(time: Date): string;
  /** null for what is not of this form, or names a moment that never was. Of a repeated hour, the first. */
  read(text: string): Date | null;
}

type Field = "yyyy" | "MM" | "dd" | "HH" | "mm" | "ss" | "SSS";
const digits: Record<Field, number> = { yyyy: 4, MM: 2, dd: 2, HH: 2, mm: 2, ss: 2, SSS: 3 };
const fieldNames = /yyyy|MM|dd|HH|mm|ss|SSS/g;
const dayMs = 86_400_000;

/**
 * A pattern is made of yyyy MM dd HH mm ss SSS and anything between them; what it leaves out is read as the smallest
 * value. The zone is an IANA name, such as `beijing` or "UTC"; an unknown one throws.
 */
export function timeFormat(pattern: string, zone: string): TimeFormat {
  const offsetAt = offsetsOf(zone);
  const order = [...pattern.matchAll(fieldNames)].map(([name]) => field(name));
  const source = pattern.replace(/[^\w]/g, "\\$&").replace(fieldNames, (name) => `(\\d{${digits[field(name)]}})`);
  const form = new RegExp(`^${source}$`);
  let around: { day: number; offsets: [number, number] } = { day: Number.NaN, offsets: [0, 0] };

  /** The day before and the day after; kept, since one day's times come together and a zone is slow to ask. */
  function offsetsAround(wall: number): [number, number] {
    const day = Math.floor(wall / dayMs);
    if (around.day !== day) around = { day, offsets: [offsetAt((day - 1) * dayMs), offsetAt((day + 2) * dayMs)] };
    return around.offsets;
  }

  return {
    write(time) {
      const fields = fieldsOf(time.getTime() + offsetAt(time.getTime()));
      return pattern.replace(fieldNames, (name) => String(fields[field(name)]).padStart(digits[field(name)], "0"));
    },
    read(text) {
      const found = form.exec(text);
      if (!found) return null;
      const fields: Record<Field, number> = { yyyy: 1970, MM: 1, dd: 1, HH: 0, mm: 0, ss: 0, SSS: 0 };
      order.forEach((name, index) => {
        fields[name] = Number(found[index + 1]);
      });
      const { yyyy, MM, dd, HH, mm, ss, SSS } = fields;
      const wall = Date.UTC(yyyy, MM - 1, dd, HH, mm, ss, SSS);
      const kept = fieldsOf(wall);
      // The 31st of February and the 25th hour have rolled over.
      if (order.some((name) => kept[name] !== fields[name])) return null;
      const offsets = offsetsAround(wall);
      const offset = offsets.find((one) => offsets[0] === offsets[1] || offsetAt(wall - one) === one);
      return offset === undefined ? null : new Date(wall - offset);
    },
  };
}

/** Only for what `fieldNames` has matched, which can be nothing else. */
function field(matched: string): Field {
  return matched as Field;
}

/** What a clock set to UTC shows. */
function fieldsOf(ms: number): Record<Field, number> {
  const time = new Date(ms);
  return {
    yyyy: time.getUTCFullYear(),
    MM: time.getUTCMonth() + 1,
    dd: time.getUTCDate(),
    HH: time.getUTCHours(),
    mm: time.getUTCMinutes(),
    ss: time.getUTCSeconds(),
    SSS: time.getUTCMilliseconds(),
  };
}

/** By how many milliseconds the zone's clocks are ahead of UTC at a moment. */
function offsetsOf(zone: string): (ms: number) => number {
  const clock = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    calendar: "gregory",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (ms) => {
    const second = Math.floor(ms / 1_000) * 1_000;
    const parts = new Map(clock.formatToParts(second).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
    const shown = [part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second")] as const;
    return Date.UTC(...shown) - second;
  };
}
