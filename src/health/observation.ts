import type { Fault } from "./cause.ts";

/** One thing that was seen of a line. `at` is in epoch milliseconds. */
export type Observation = { at: number } & (
  | {
      is: "placed";
      count: number;
      /** The slowest of them, when the first was sent, and whose trial it was, if one's. */
      ms: number;
      sent: number;
      callId: string | null;
    }
  | { is: "failed"; fault: Fault; unknown: boolean; callId: string | null }
  /** A placement is older than one ever was; it may still succeed. */
  | { is: "hung"; sent: number; callId: string | null }
  /** One that hung was answered after all; `placed` false: with a no that says nothing against the line. */
  | { is: "returned"; placed: boolean; ms: number; sent: number; callId: string | null }
  /** The provider answered about a placement, and what it said is no word against the line. */
  | { is: "answered"; callId: string | null }
  | { is: "probe"; fault: null | Fault }
  /** News of calls came in at this time; for the first of a call, how long after it was sent. */
  | { is: "heard"; firstMs: number | null }
  | { is: "rang"; pddMs: number }
  | { is: "ended"; answered: boolean }
  | { is: "push-refused" }
  | { is: "poll-lag"; ms: number }
  | { is: "hold"; by: string; reason: string }
  | { is: "release" }
);
