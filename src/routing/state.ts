import type { HealthView } from "../health/view.ts";

/** What changes about a line from call to call. */
export interface LineState {
  health: HealthView;
  /** Calls that are open on it now; null where nobody has counted. */
  inUse: number | null;
  /** Calls that it has placed today; null where nobody has counted. */
  today: number | null;
  /** Share of its recent calls that were answered (ASR), 0..1; null where too few are known. */
  answered: number | null;
}

export type StateOf = (lineId: number) => LineState;

const nothing: LineState = {
  health: { state: "up", share: 1, trial: false, uncertain: false, sickness: 0 },
  inUse: null,
  today: null,
  answered: null,
};

/** What is not known of a line speaks neither for nor against it. */
export const nothingKnown: StateOf = () => nothing;
