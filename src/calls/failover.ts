import type { Effect, ErrorCause, ErrorKind } from "../../channels/contract.ts";

/** What a failed placement leads to. */
export type Then = "next-line" | "same-line-later" | "stop" | "ask-first";

export interface FailoverRow {
  effect: Effect | "any";
  kind: ErrorKind | "any";
  causes: readonly ErrorCause[] | "any";
  follows: Then;
  why: { zh: string; en: string };
}

/**
 * The first row that fits decides. It never depends on the provider's words, and a phone that rang or may have rung
 * never lets another line dial: then the provider is asked.
 */
export const failoverTable: readonly FailoverRow[] = [
  {
    effect: "unknown",
    kind: "any",
    causes: "any",
    follows: "ask-first",
    why: { zh: "电话可能已经响了", en: "a phone may have rung" },
  },
  {
    effect: "none",
    kind: "compliance",
    causes: "any",
    follows: "stop",
    why: { zh: "合规拒绝，换线路也不应绕过", en: "a rule refused the call; no line may get around it" },
  },
  {
    effect: "none",
    kind: "any",
    causes: ["number", "blacklist", "window", "frequency", "region"],
    follows: "stop",
    why: { zh: "与被叫或规则有关，与线路无关", en: "it is about the customer or a rule, not about the line" },
  },
  {
    effect: "none",
    kind: "limited",
    causes: ["rate", "concurrency"],
    follows: "same-line-later",
    why: {
      zh: "先试其他线路；没有时稍后再试同一线路",
      en: "other lines first; where none is left, this one again a moment later",
    },
  },
  {
    effect: "none",
    kind: "any",
    causes: "any",
    follows: "next-line",
    why: { zh: "线路明确拒绝，没有电话响过", en: "the line said a definite no and no phone rang" },
  },
];

/** What follows from a failed placement. */
export function thenOf(fault: { effect: Effect; kind: ErrorKind; cause: ErrorCause }): Then {
  const row = failoverTable.find((one) => fits(one, fault));
  return row?.follows ?? "ask-first";
}

function fits(row: FailoverRow, fault: { effect: Effect; kind: ErrorKind; cause: ErrorCause }): boolean {
  return (
    (row.effect === "any" || row.effect === fault.effect) &&
    (row.kind === "any" || row.kind === fault.kind) &&
    (row.causes === "any" || row.causes.includes(fault.cause))
  );
}
