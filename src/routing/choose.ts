import type { OrderField } from "../../channels/contract.ts";
import type { Line } from "../lines/directory.ts";

/** Why a line was not taken. Stable codes: operations and tests read them. */
export type Reason =
  | "archived"
  | "inactive"
  | "other_line_requested"
  | "other_channel_requested"
  | "other_method_requested"
  | "not_bound"
  | "simulated"
  | "agent_cannot_be_rung"
  | "field_not_honoured";

export interface Considered {
  lineId: number;
  name: string;
  channel: string;
  taken: boolean;
  reason: Reason | null;
  /** The field that the line does not honour. */
  field?: OrderField;
}

export interface Choice {
  /** Lines to try, in this order. */
  candidates: number[];
  considered: Considered[];
}

export interface Wish {
  lineId: number | null;
  channel: string | null;
  callMethod: "auto" | "cloud" | "mobile" | "sip";
  fields: readonly OrderField[];
  /** What can be rung of the agent; null where nobody was named, so that only a simulated line can make one up. */
  agent: { hasPhone: boolean; seatOn(channel: string): boolean } | null;
  /** Bound lines and channels by priority; empty = automatic choice among all. */
  bound: readonly { lineId: number | null; channel: string | null }[];
}

/**
 * Pure: which lines may take a call, in which order, and why each other may not. Lines keep the order of the
 * bindings, then their own.
 */
export function choose(lines: readonly Line[], wish: Wish): Choice {
  // A binding that names an agent alone says nothing about lines.
  const bound = wish.bound.filter((one) => one.lineId !== null || one.channel !== null);
  const real = lines.some((line) => !line.definition.simulated && !line.archived);
  const considered = lines.map((line): Considered => {
    const refusal = refusalOf(line, { ...wish, bound }, real);
    const about = { lineId: line.id, name: line.name, channel: line.channel };
    return refusal === null ? { ...about, taken: true, reason: null } : { ...about, taken: false, ...refusal };
  });
  const taken = lines.filter((_, index) => considered[index]?.taken);
  const place = (line: Line): number => {
    const at = bound.findIndex((one) => binds(one, line));
    return at === -1 ? bound.length : at;
  };
  const candidates = taken
    .toSorted((one, other) => place(one) - place(other) || one.id - other.id)
    .map((line) => line.id);
  return { candidates, considered };
}

function refusalOf(line: Line, wish: Wish, real: boolean): { reason: Reason; field?: OrderField } | null {
  if (line.archived) return { reason: "archived" };
  if (!line.active) return { reason: "inactive" };
  if (wish.lineId !== null && wish.lineId !== line.id) return { reason: "other_line_requested" };
  if (wish.channel !== null && wish.channel !== line.channel) return { reason: "other_channel_requested" };
  if (methodOf(line) !== wish.callMethod && wish.callMethod !== "auto") return { reason: "other_method_requested" };
  const named = wish.lineId !== null || wish.channel !== null;
  if (!named && wish.bound.length > 0 && !wish.bound.some((one) => binds(one, line))) return { reason: "not_bound" };
  if (!named && real && line.definition.simulated) return { reason: "simulated" };
  if (!canRing(line, wish)) return { reason: "agent_cannot_be_rung" };
  const honours = line.definition.honours(line.config);
  const field = wish.fields.find((one) => !honours.includes(one));
  return field === undefined ? null : { reason: "field_not_honoured", field };
}

function binds(bound: { lineId: number | null; channel: string | null }, line: Line): boolean {
  if (bound.lineId !== null) return bound.lineId === line.id;
  return bound.channel === line.channel;
}

function canRing(line: Line, wish: Wish): boolean {
  if (wish.agent === null) return line.definition.simulated;
  return line.definition.agentKind === "phone" ? wish.agent.hasPhone : wish.agent.seatOn(line.channel);
}

function methodOf(line: Line): "cloud" | "mobile" {
  return line.channel === "mobile" ? "mobile" : "cloud";
}
