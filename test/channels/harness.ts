/** What a provider's test tells the suite about the provider and its far side. */
import type {
  CallOrder,
  ChannelDefinition,
  ChannelTools,
  Effect,
  PhoneNumber,
  RawDelivery,
} from "../../channels/contract.ts";

export type Ending =
  | "answered"
  | "a-no-answer"
  | "b-no-answer"
  | "a-busy"
  | "b-busy"
  | "a-declined"
  | "b-declined"
  | "b-vacant"
  | "b-malformed"
  | "max-duration"
  | "jumbled"
  | "refused"
  | "lost-answer"
  | "server-error";

export interface Fixture {
  name: string;
  delivery: RawDelivery;
  /** Each event as `kind[ leg] @authority`, in order; an end as `ended 0 NORMAL_CLEARING @3`. */
  events: readonly string[];
}

export interface Harness {
  definition: ChannelDefinition;
  /** Reaches the started far side, with credentials that it knows. */
  config: unknown;
  /** The same with a secret that the far side does not know. */
  wrongConfig: unknown;
  tools: ChannelTools;
  /** A fresh order whose call the far side plays to this ending; null where it cannot. */
  order(ending: Ending, wish: { notifyUrl: string; record: boolean }): CallOrder | null;
  /** True for the one request that makes phones ring. */
  isPlacing(request: Request): boolean;
  /** What may stand in no error, event or delivery note. */
  secrets: readonly string[];
  fixtures: readonly Fixture[];
  /** Well-formed messages with a word that nobody knows. */
  unknownMessages: readonly RawDelivery[];
  /** Events as `kind leg` that the provider reports while a call runs, apart from its CDR. */
  tells: readonly string[];
  lookup: "running" | "ended" | "none";
  /** Calls of which `follow` can be answered; the running ones too unless said otherwise. */
  followKnows?: "ended";
  /** What the provider's documents say of a 5xx in its own form. */
  serverErrorEffect: Effect;
  /** How old a push may be; null where the provider signs no time. */
  staleAfterMs: number | null;
  /** Control actions that the far side carried out on a call, as it names them. */
  controlled(providerCallId: string): readonly string[];
  /** How often the legs of the calls to this customer rang. */
  ringsOf(customer: PhoneNumber): { a: number; b: number };
}

/** The real one lives above this layer; this one is enough for adapters. */
export function phone(e164: string): PhoneNumber {
  const national = e164.replace(/^\+86/, "");
  const masked = `${national.slice(0, 3)}****${national.slice(-4)}`;
  return { reveal: () => e164, national: () => national, masked };
}
