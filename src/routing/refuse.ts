import type { OrderField } from "../../channels/contract.ts";
import type { Book, Entry, Kind } from "./book.ts";
import type { Behind, LastShown } from "./rank.ts";

/** Why a line was not taken. Stable codes: operations and tests read them. */
export const reasons = [
  "archived",
  "inactive",
  "other_line_requested",
  "other_channel_requested",
  "other_method_requested",
  "not_bound",
  "simulated",
  "agent_cannot_be_rung",
  "field_not_honoured",
  // An operator has taken it out.
  "held",
  // It is sick, and others could take the call.
  "down",
  // It is sick, and nobody knows how its last failures ended: it is not used even in need.
  "uncertain",
  // It could be used, but there were enough better ones.
  "outranked",
] as const;
export type Reason = (typeof reasons)[number];

export interface Refused {
  reason: Reason;
  /** The field that the line does not honour. */
  field?: OrderField;
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
  /** What the customer was shown last, to be kept where possible. */
  lastShown: LastShown | null;
  /** Decides which calls are in the share of a line that is ramping up: the call's id. */
  seed: string;
}

/** A wish with its bindings made ready for look-ups. */
export interface Asked {
  wish: Wish;
  book: Book;
  /** Only bound lines may be taken: there are bindings, and the request names neither line nor channel. */
  bindingOnly: boolean;
  boundLines: ReadonlyMap<number, number>;
  boundChannels: ReadonlyMap<string, number>;
}

export function ask(book: Book, wish: Wish): Asked {
  const boundLines = new Map<number, number>();
  const boundChannels = new Map<string, number>();
  for (const [place, { lineId, channel }] of wish.bound.entries()) {
    if (lineId !== null) boundLines.set(lineId, Math.min(place, boundLines.get(lineId) ?? place));
    else if (channel !== null) boundChannels.set(channel, Math.min(place, boundChannels.get(channel) ?? place));
  }
  const named = wish.lineId !== null || wish.channel !== null;
  // A binding that names an agent alone says nothing about lines.
  const bindingOnly = !named && boundLines.size + boundChannels.size > 0;
  return { wish, book, bindingOnly, boundLines, boundChannels };
}

/** The first of the user's bindings that names the line or its channel; behind all of them where none does. */
export function placeOf({ line, kind }: Entry, { wish, boundLines, boundChannels }: Asked): number {
  const none = wish.bound.length;
  return Math.min(boundLines.get(line.id) ?? none, boundChannels.get(kind.channel) ?? none);
}

/** Why a line cannot take the call, whatever its health; null where it can. */
export function refusalOfLine(entry: Entry, asked: Asked): Refused | null {
  const { line, kind } = entry;
  const { wish, boundLines, boundChannels } = asked;
  if (line.archived) return { reason: "archived" };
  if (!line.active) return { reason: "inactive" };
  if (wish.lineId !== null && wish.lineId !== line.id) return { reason: "other_line_requested" };
  return refusalOfKind(kind, asked, boundLines.has(line.id) || boundChannels.has(kind.channel));
}

/** The same for all lines of a kind that are bound, or are not. */
export function refusalOfKind(kind: Kind, { wish, book, bindingOnly }: Asked, bound: boolean): Refused | null {
  if (wish.channel !== null && wish.channel !== kind.channel) return { reason: "other_channel_requested" };
  if (kind.method !== wish.callMethod && wish.callMethod !== "auto") return { reason: "other_method_requested" };
  if (bindingOnly && !bound) return { reason: "not_bound" };
  const named = wish.lineId !== null || wish.channel !== null;
  if (!named && book.hasReal && kind.simulated) return { reason: "simulated" };
  if (!canRing(kind, wish)) return { reason: "agent_cannot_be_rung" };
  const field = wish.fields.find((one) => !kind.honours.includes(one));
  return field === undefined ? null : { reason: "field_not_honoured", field };
}

function canRing(kind: Kind, { agent }: Wish): boolean {
  if (agent === null) return kind.simulated;
  return kind.agentKind === "phone" ? agent.hasPhone : agent.seatOn(kind.channel);
}

/** One line of the explanation. */
export interface Considered {
  lineId: number;
  name: string;
  channel: string;
  taken: boolean;
  reason: Reason | null;
  field?: OrderField;
  /** What a typical call on it costs. */
  estimate?: { amount: string; currency: string };
  /** It shows the customer the number that they know. */
  keepsNumber?: true;
  /** Why it stands behind the others. */
  behind?: Behind;
  /** One call may try whether it is well again. */
  trial?: true;
  /** It is sick, and every other one too. */
  inNeed?: true;
}
