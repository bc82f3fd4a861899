/** The far side of the `hw` channel: tokens, two-way calls, states, records and callbacks, on a socket of its own. */
import { randomUUID } from "node:crypto";
import { type FarSide, type FarSideOptions, openFarSide } from "../kit/far/side.ts";
import { openFaults } from "../kit/far/wishes.ts";
import type { FarCall } from "./far/call.ts";
import { openCalls } from "./far/calls.ts";
import { openDoor } from "./far/door.ts";
import { openOperations } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";
import { type Fault, serving } from "./far/serve.ts";

export type { FarCall } from "./far/call.ts";
export type { Ending, Script } from "./far/plan.ts";
export type { Fault } from "./far/serve.ts";

export interface HwProviderOptions extends FarSideOptions {
  /** App key → app secret. */
  accounts?: Record<string, string>;
  serialFrom?: bigint;
  /** Which of a call's times the list of records is cut by. */
  cutBy?: "start" | "end";
  /** Milliseconds between an end and its record. */
  cdrLateMs?: number;
  tokenSecondsMax?: number;
  /** Requests of one account within any minute; what is beyond is answered 429 and counted. */
  perMinuteMax?: number;
  /** Where the console has the connect callback go. */
  connectUrl?: string;
  pushFormat?: "json" | "map";
  answersAll?: boolean;
}

export interface HwProvider extends FarSide<FarCall, Script> {
  addAccount(appKey: string, appSecret: string): void;
  /** Happens to the next request of this operation (`tokenByAkSk` too). */
  failNext(operation: string, fault: Fault): void;
  /** Withdraws every token before its time. */
  expireTokens(): void;
  setConnectUrl(url: string): void;
  /** From now on so many requests of one account within any minute. */
  limit(perMinuteMax: number): void;
  /** Tokens that were issued, and requests that were one too many. */
  readonly door: Readonly<{ issued: number; overQuota: number }>;
}

/** 19 digits, as the vendor's samples have; another run's numbers are others. */
const serialBase = 1_037_058_396_000_000_000n;

export async function startHwProvider(options: HwProviderOptions = {}): Promise<HwProvider> {
  const { keepEnded = 20_000, cutBy = "start", cdrLateMs = 0, answersAll = false, tokenSecondsMax = 3_600 } = options;
  const far = await openFarSide<FarCall, Script>({ ...options, keepEnded });
  const apps = new Map(Object.entries(options.accounts ?? {}));
  let perMinuteMax = options.perMinuteMax ?? null;
  let connectUrl = options.connectUrl ?? null;
  const pusher = openPusher(far, { format: options.pushFormat ?? "json", connectUrl: () => connectUrl });
  const serialFrom = options.serialFrom ?? serialBase + BigInt(far.now() % 10_000_000) * 10_000_000n;
  const calls = openCalls(far, { serialFrom, cutBy, cdrLateMs, listMax: 2 * keepEnded, ...pusher });
  const asked = { apps, now: far.now, newToken: randomUUID, tokenSecondsMax, perMinuteMax: () => perMinuteMax };
  const door = openDoor(asked);
  const { failNext, nextFault } = openFaults<Fault>();
  far.serve(serving(far, { door, operations: openOperations(far, calls, answersAll), nextFault }));

  return Object.assign(far.side, {
    addAccount: (appKey: string, appSecret: string) => void apps.set(appKey, appSecret),
    failNext,
    expireTokens: door.expireTokens,
    setConnectUrl(to: string) {
      connectUrl = to;
    },
    limit(max: number) {
      perMinuteMax = max;
    },
    door: door.counts,
  });
}
