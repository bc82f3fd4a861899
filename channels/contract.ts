/** The vocabulary between Hualu and every provider. Imports nothing of ours but its neighbour `errors.ts`. */
import type { ZodType } from "zod";
import type { ChannelError } from "./errors.ts";

export { ChannelError, type Effect, type ErrorCause, type ErrorKind, errorCauses, errorKinds } from "./errors.ts";

/** Leg a is the agent (rung first), leg b the customer. */
export type Leg = "a" | "b";

/** The eight codes of the requirements' appendix 8.2. */
export const hangupCauses = [
  "NORMAL_CLEARING",
  "USER_BUSY",
  "NO_ANSWER",
  "CALL_REJECTED",
  "INVALID_NUMBER",
  "UNALLOCATED_NUMBER",
  "NETWORK_ERROR",
  "TIMEOUT",
] as const;
export type HangupCause = (typeof hangupCauses)[number];

/**
 * 0 normal · 1 A unreachable · 2 B unreachable · 3 A busy · 4 B busy · 5 maximum duration ·
 * 6 channel server error · 7 channel network error · 255 other.
 */
export const closeTypes = [0, 1, 2, 3, 4, 5, 6, 7, 255] as const;
export type CloseType = (typeof closeTypes)[number];

/** A phone number that prints masked everywhere; only adapters and the seal call `reveal`. */
export interface PhoneNumber {
  /** E.164 where the number has such a form (`+8613…`), else as dialed (95xxx, 10086, extensions). */
  reveal(): string;
  /** National form where the number has an E.164 form in the given country calling code, else as dialed. */
  national(): string;
  /** `139****5678` */
  readonly masked: string;
}

export interface CallOrder {
  /** Our call id; adapters carry it in the provider's user data wherever there is such a field. */
  callId: string;
  /** 1 for the first attempt of this call, counting up. */
  attempt: number;
  agent: { phone: PhoneNumber | null /** the agent's id at this provider */; seat: string | null };
  customer: PhoneNumber;
  /** Number to show; null leaves the choice to the provider. */
  displayNumber: PhoneNumber | null;
  /** 隐私: leg A must not see the customer's number. */
  privacy: boolean;
  record: boolean;
  ringTimeoutSeconds: number;
  maxDurationSeconds: number;
  mainNum: string | null;
  extNum: string | null;
  ivrUrl: string | null;
  ivrText: string | null;
  /** Where this account's pushes reach us, token included. */
  notifyUrl: string;
}

/** The provider's explicit yes. */
export interface Placement {
  providerCallId: string;
  providerJobId: string | null;
}

/** A call that a provider has accepted, as the adapter needs it to ask or to act. */
export interface PlacedCall {
  callId: string;
  attempt: number;
  providerCallId: string;
  providerJobId: string | null;
  sentAt: Date;
}

export const controlActions = ["mute", "unmute", "hold", "resume", "transfer"] as const;
export type ControlAction = (typeof controlActions)[number];
export type CallControl =
  | { action: Exclude<ControlAction, "transfer"> }
  | { action: "transfer"; to: PhoneNumber | { seat: string } };

/** One request as it arrived: bytes, not text, since providers sign bytes and send what they like. */
export interface RawRequest {
  method: string;
  /** The last path segment of the webhook route, or "". */
  kind: string;
  /** As in `CallOrder`, without the kind: some providers sign the address that they push to. */
  notifyUrl?: string;
  query: Record<string, string>;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: Uint8Array;
}

/** What a webhook, a follow or a poll hands over to be stored: raw, split, not yet understood. */
export interface RawDelivery {
  /** Which of the provider's messages this is, in the adapter's own words, at most 32 characters. */
  kind: string;
  body: Uint8Array;
  /** What else `normalize` needs, such as a query string or a header. No secrets. */
  about?: Record<string, string>;
}

/** A stored delivery, read back for `normalize`. */
export interface Delivery extends RawDelivery {
  receivedAt: Date;
}

export interface Batch {
  deliveries: RawDelivery[];
}

/** What this provider accepts as "got it". */
export interface Reply {
  status: number;
  contentType: string;
  body: string;
}

/** The answer about one live call: what the provider said, or why it could not say. */
export type Followed = { callId: string; attempt: number } & ({ delivery: RawDelivery } | { error: ChannelError });

/** How an event names its call. The more is known the better; nothing is guessed. */
export interface CallRef {
  callId?: string;
  attempt?: number;
  providerCallId?: string;
  providerJobId?: string;
  /** Only where a provider carries neither id: matched when exactly one open attempt fits. */
  legs?: { agent: string; customer: string };
}

/**
 * How much a time and a value can be trusted: 4 CDR or fee record · 3 pushed with the provider's time ·
 * 2 polled state with its time · 1 inferred, or the time was estimated · 0 ours.
 */
export type Authority = 0 | 1 | 2 | 3 | 4;

interface EventBase {
  ref: CallRef;
  /** The provider's time; null where it gave none (the delivery's `receivedAt` then stands in, authority 1). */
  at: Date | null;
  authority: 1 | 2 | 3 | 4;
  /** The provider's own word for the state, at most 32 characters, kept as `ch_state`. */
  chState?: string;
}

/** One normalized fact. `unrecognized` keeps what nobody understood: it is stored, counted and shown. */
export type CallEvent = EventBase &
  (
    | { kind: "calling"; leg: Leg }
    | { kind: "ringing"; leg: Leg }
    | { kind: "answered"; leg: Leg }
    /** Both parties talk. Only where the provider says so itself. */
    | { kind: "connected" }
    | { kind: "ended"; closeType: CloseType; cause: HangupCause /** the provider's code */; raw: string }
    /** The provider's last word: its CDR has come, nothing better will. */
    | { kind: "cdr" }
    /** `ref` is what `openRecording` takes; never shown to apps. */
    | { kind: "recording"; recordingRef: string; durationSeconds?: number; sizeBytes?: number }
    | { kind: "cost"; amount: string; currency: string }
    | { kind: "unrecognized"; raw: string }
  );
export type CallEventKind = CallEvent["kind"];

/**
 * An adapter: a function (`create`) that returns this. What a provider cannot do is left out.
 * Every method that waits takes a signal, ends when it aborts, and throws nothing but `ChannelError`.
 */
export interface Channel {
  readonly provider: string;
  /** Resolves only on the provider's explicit yes. Never repeats a request by itself. */
  place(order: CallOrder, signal: AbortSignal): Promise<Placement>;
  /** The cheapest request that proves reach and credentials. Never rings anyone. */
  probe(signal: AbortSignal): Promise<void>;
  /** Pure: the same delivery gives the same events. Throws on what is not of this provider's form. */
  normalize(delivery: Delivery): CallEvent[];
  close(): Promise<void>;
  /** After an unknown outcome. `absent` only as `lookup` of the definition allows. */
  find?(order: CallOrder, since: Date, signal: AbortSignal): Promise<Placement | "absent" | "cannot-tell">;
  hangup?(call: PlacedCall, signal: AbortSignal): Promise<void>;
  control?(call: PlacedCall, control: CallControl, signal: AbortSignal): Promise<void>;
  /**
   * Authenticates and splits a push; throws `unauthorized` when it is not this provider's. One that is, but cannot be
   * split, is one delivery as it came: nothing that proved its origin is turned away.
   */
  webhook?(request: RawRequest, signal: AbortSignal): Promise<Batch & { reply: Reply }>;
  /** Asks about live calls: one answer or error for each. */
  follow?(calls: PlacedCall[], signal: AbortSignal): Promise<Followed[]>;
  /** Reads on in a feed (CDR list, event queue) from a cursor; null = from the provider's beginning. */
  poll?(cursor: string | null, signal: AbortSignal): Promise<Batch & { cursor: string }>;
  openRecording?(ref: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** A record's fields that some providers never tell. */
export const toldFields = [
  "aCallTime",
  "aRingTime",
  "aOffhookTime",
  "bCallTime",
  "bRingTime",
  "bOffhookTime",
  "ringDuration",
] as const;
export type ToldField = (typeof toldFields)[number];

/** Optional fields of an order that a line may or may not be able to honour. */
export const orderFields = ["privacy", "record", "displayNumber", "mainNum", "extNum", "ivrUrl", "ivrText"] as const;
export type OrderField = (typeof orderFields)[number];

/** What `create` is given: everything that would otherwise be reached for globally. */
export interface ChannelTools {
  /** Reaches public addresses and those that the operator allows, and follows no redirect. */
  fetch: (request: Request) => Promise<Response>;
  now: () => Date;
  randomId: () => string;
}

/** What a kind of channel is, apart from any one account of it. */
export interface ChannelDefinition<Config = unknown> {
  /** At most 8 characters; also the folder's name. */
  provider: string;
  title: { zh: string; en: string };
  /** A strict object schema; the fields named in `secretFields` are never shown again. */
  config: ZodType<Config>;
  /** Names of fields of `config`; the suite checks that they exist (a typed list could not be held in a registry). */
  secretFields: readonly string[];
  /** Lines whose keys are equal share webhook, quotas, provider ids, token cache and poll cursor. */
  accountKey(config: Config): string;
  /**
   * Names of the fields of `config` that say where requests go: whoever changes one gives the secrets again, which
   * would otherwise sign for an address that their owner never chose.
   */
  addressFields: readonly string[];
  /** True where no phone rings: such lines are used only when named, or when a tenant has no other. */
  simulated: boolean;
  /** True where rules that protect customers do not bind, since nobody's phone rings; left out = they bind. */
  exempt?(config: Config): boolean;
  /** What an agent must have for this line to ring it: a phone number, or an id at the provider. */
  agentKind: "phone" | "seat";
  honours(config: Config): readonly OrderField[];
  controls(config: Config): readonly ControlAction[];
  canHangUp(config: Config): boolean;
  /** reliable: pushed with retries, or polled · lossy: pushed once · none: no news before the CDR. */
  live(config: Config): "reliable" | "lossy" | "none";
  /** True where `poll` reads a feed of this account. */
  hasFeed(config: Config): boolean;
  /** True where state comes only by asking, so that live calls are followed from the start. */
  polled(config: Config): boolean;
  quota(config: Config): Quota;
  lookup(config: Config): Lookup;
  /** Causes in a provider's end report that prove that nobody was dialed. */
  neverDialed: readonly string[];
  /** True where a CDR names each leg that was dialed: one without any proves the same. Left out = it does not. */
  cdrShowsDialing?: boolean;
  /** What none of this provider's messages tells: always empty, whatever happened. Left out = it tells all. */
  cannotKnow?(config: Config): readonly ToldField[];
  /** What no message tells, and the adapter concludes from others: there, and estimated. */
  infers?(config: Config): readonly ToldField[];
  /** The resolution of this provider's times, milliseconds. */
  precisionMs: number;
  /** What is normal for a line of this channel until it has a history: milliseconds, and the share that is answered. */
  usual?: Partial<{ placeMs: number; firstEventMs: number; pddMs: number; asr: number }>;
  /** Kinds served on the fixed paths of the requirements (`/webhook/aliyun/status`). */
  legacyPaths: readonly string[];
  /**
   * What pushes call their account, for a fixed path, whose address names none; left out = they may be of any.
   * `accountIn` gives null where a push should name its account and does not, undefined for a kind that never does.
   */
  pushNames?: { accountIn(request: RawRequest): string | null | undefined; accountOf(config: Config): string };
  /** True where `webhook` itself demands a signature or password of the vendor's; left out = no push proves itself. */
  signsPushes?(config: Config): boolean;
  create(config: Config, tools: ChannelTools): Channel;
}

/** Per account, over all instances. */
export interface Quota {
  followPerMinute: number;
  followBatchMax: number;
  /** Between two asks about the same live call. */
  followEveryMs: number;
  pollEveryMs: number;
}

/**
 * When `find` may be asked, and how long its `absent` proves anything. A call that began and ended between two
 * looks is missing from a list of running calls, so beyond `absentProvesForMs` after sending, `absent` is read
 * as `cannot-tell`.
 */
export interface Lookup {
  settleAfterMs: number;
  absentProvesForMs: number;
}
