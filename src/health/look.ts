import { isUncertain } from "./judge.ts";
import { doubtLimit } from "./odds.ts";
import type { LineHealth } from "./state.ts";
import type { HealthView } from "./view.ts";

/** The share grows from a tenth to the whole in this time after a recovery. */
export const rampMs = 60_000;
const rampBegin = 0.1;

/** What routing reads of a line, now. */
export function lookAt({ mode, evidence }: LineHealth, now: number): HealthView {
  const uncertain = isUncertain(evidence, now);
  const doubt = Math.min(1, evidence.doubt / doubtLimit(evidence));
  switch (mode.is) {
    case "up":
      return { state: "up", share: shareOf(mode, now), trial: false, uncertain, sickness: 0.4 * doubt };
    case "degraded":
      return { state: "degraded", share: shareOf(mode, now), trial: false, uncertain, sickness: 0.4 + 0.2 * doubt };
    case "down": {
      const trial = mode.halfOpenSince !== null && mode.trial === null;
      const sickness = 0.6 + 0.4 * Math.max(evidence.failing, evidence.misses > 0 ? 0.9 : 0);
      return { state: "down", share: 0, trial, uncertain: uncertain || mode.uncertain, sickness };
    }
    case "held":
      return { state: "held", share: 0, trial: false, uncertain, sickness: 1 };
    default:
      return mode satisfies never;
  }
}

function shareOf({ rampFrom }: { rampFrom: number | null }, now: number): number {
  if (rampFrom === null) return 1;
  return Math.min(1, rampBegin + ((1 - rampBegin) * Math.max(0, now - rampFrom)) / rampMs);
}
