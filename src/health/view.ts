/** What routing reads of a line's health. */
export interface HealthView {
  state: "up" | "degraded" | "down" | "held";
  /** Share of the calls that would be its own, 0..1; ramps 0.1 -> 1 after a recovery; 0 while down or held. */
  share: number;
  /** One trial call may be placed on it (half-open and nobody is trying). */
  trial: boolean;
  /** Its recent failures left outcomes unknown (hang, timeout, 5xx unknown, silence): never used in need. */
  uncertain: boolean;
  /** 0..1, for "the least sick rather than none". */
  sickness: number;
}
