import type { PhoneNumber } from "../../channels/contract.ts";
import { nextTime, wallClock } from "../domain/day.ts";

/**
 * Where people who have such a number may live: by country calling code, longest first. A country with several zones is
 * listed with its outermost ones; a call must fit into the window in each of them. Source: the IANA zone tables.
 */
const zonesOf: Record<string, readonly string[]> = {
  "1": ["America/St_Johns", "America/New_York", "America/Los_Angeles", "Pacific/Honolulu"],
  "7": ["Europe/Kaliningrad", "Asia/Kamchatka"],
  "27": ["Africa/Johannesburg"],
  "31": ["Europe/Amsterdam"],
  "33": ["Europe/Paris"],
  "34": ["Europe/Madrid", "Atlantic/Canary"],
  "39": ["Europe/Rome"],
  "44": ["Europe/London"],
  "49": ["Europe/Berlin"],
  "52": ["America/Tijuana", "America/Cancun"],
  "55": ["America/Rio_Branco", "America/Noronha"],
  "60": ["Asia/Kuala_Lumpur"],
  "61": ["Australia/Perth", "Australia/Sydney"],
  "62": ["Asia/Jakarta", "Asia/Jayapura"],
  "63": ["Asia/Manila"],
  "64": ["Pacific/Auckland"],
  "65": ["Asia/Singapore"],
  "66": ["Asia/Bangkok"],
  "81": ["Asia/Tokyo"],
  "82": ["Asia/Seoul"],
  "84": ["Asia/Ho_Chi_Minh"],
  "86": ["Asia/Shanghai"],
  "90": ["Europe/Istanbul"],
  "91": ["Asia/Kolkata"],
  "92": ["Asia/Karachi"],
  "852": ["Asia/Hong_Kong"],
  "853": ["Asia/Macau"],
  "855": ["Asia/Phnom_Penh"],
  "856": ["Asia/Vientiane"],
  "880": ["Asia/Dhaka"],
  "886": ["Asia/Taipei"],
  "966": ["Asia/Riyadh"],
  "971": ["Asia/Dubai"],
  "972": ["Asia/Jerusalem"],
  "976": ["Asia/Hovd", "Asia/Ulaanbaatar"],
};

/** Local times, `HH:mm`: from, inclusive, until, exclusive. Equal ones mean the whole day; `from` may be the later. */
export interface Window {
  from: string;
  until: string;
}

/** The zones of a customer's number; of one without a country (95xxx, an extension) or an unlisted one the tenant's. */
export function zonesOfNumber(customer: PhoneNumber, otherwise: string): readonly string[] {
  const digits = customer.reveal();
  if (!digits.startsWith("+")) return [otherwise];
  for (const length of [3, 2, 1]) {
    const zones = zonesOf[digits.slice(1, 1 + length)];
    if (zones !== undefined) return zones;
  }
  return [otherwise];
}

/** As many steps lead to any hour that zones share: each zone's day begins once in 24 h. */
const stepsMax = 12;

/** Pure: null within the window, else when it opens next; `until` null where the zones share no hour of it. */
export function closedUntil(window: Window, zones: readonly string[], now: Date): { until: Date | null } | null {
  let at = now;
  for (let step = 0; step < stepsMax; step++) {
    const closed = zones.filter((zone) => !isOpen(window, wallClock(zone, at)));
    if (closed.length === 0) return at === now ? null : { until: at };
    // When the last of them opens, another may have closed again.
    at = new Date(Math.max(...closed.map((zone) => nextTime(zone, at, window.from).getTime())));
  }
  return { until: null };
}

/** Pure: when a window that is open closes in the first of the zones; null where it never does. */
export function closesAt({ from, until }: Window, zones: readonly string[], now: Date): Date | null {
  if (isWholeDay({ from, until })) return null;
  const end = until === "24:00" ? "00:00" : until;
  return new Date(Math.min(...zones.map((zone) => nextTime(zone, now, end).getTime())));
}

function isWholeDay({ from, until }: Window): boolean {
  return from === until || (from === "00:00" && until === "24:00");
}

function isOpen({ from, until }: Window, clock: string): boolean {
  if (isWholeDay({ from, until })) return true;
  const [first, last] = [`${from}:00`, `${until}:00`];
  return first < last ? clock >= first && clock < last : clock >= first || clock < last;
}
