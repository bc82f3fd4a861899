/** The far side of the `tencent` channel: dual calls, sessions, records and pushes, on a socket of its own. */
import { type FarSide, type FarSideOptions, openFarSide } from "../kit/far/side.ts";
import { openFaults } from "../kit/far/wishes.ts";
import type { FarCall } from "./far/call.ts";
import { openCalls } from "./far/calls.ts";
import { openDoor } from "./far/door.ts";
import { openOperations } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher, type PushAuth } from "./far/push.ts";
import { type Fault, serving } from "./far/serve.ts";

export type { FarCall } from "./far/call.ts";
export { tc3Signature } from "./far/door.ts";
export type { Ending, Script } from "./far/plan.ts";
export type { PushAuth } from "./far/push.ts";
export type { Fault } from "./far/serve.ts";

export interface TencentProviderOptions extends FarSideOptions {
  /** SecretId → SecretKey. */
  keys?: Record<string, string>;
  apps?: readonly number[];
  /** Which of a call's times the list of records is cut by. */
  cutBy?: "start" | "end";
  /** Milliseconds between an end and its record. */
  cdrLateMs?: number;
  /** Whether DescribeTelSession still knows a session that is over. */
  keepsFinished?: boolean;
  /** Whether the application records its calls. */
  records?: boolean;
  /** Requests of one action within any second; what is beyond is refused. */
  perSecondMax?: number;
  /** Milliseconds before a push is repeated. */
  pushRetryMs?: number;
  answersAll?: boolean;
}

export interface TencentProvider extends FarSide<FarCall, Script> {
  addKey(secretId: string, secretKey: string): void;
  /** Happens to the next request of this action. */
  failNext(action: string, fault: Fault): void;
  /** Where the console has pushes of calls go that begin from now on, and how they prove themselves. */
  setPush(url: string | null, auth?: PushAuth): void;
}

/** A recording's address holds for a day. */
const recordingUrlMs = 86_400_000;

export async function startTencentProvider(options: TencentProviderOptions = {}): Promise<TencentProvider> {
  const far = await openFarSide<FarCall, Script>(options);
  const keys = new Map(Object.entries(options.keys ?? {}));
  const { cutBy = "start", cdrLateMs = 0, answersAll = false, keepsFinished = false, pushRetryMs = 50 } = options;
  let pushUrl: string | null = null;
  const recordUrlOf = ({ sessionId, b, endedAt }: FarCall): string | null => {
    const isRecorded = options.records !== false && endedAt !== null && b.answeredAt !== null;
    return isRecorded ? `${far.url}/recording/${sessionId}.wav?t=${far.now() + recordingUrlMs}&sign=s1gn` : null;
  };
  const pusher = openPusher(far, { retryMs: pushRetryMs, recordUrlOf });
  const calls = openCalls(far, { cutBy, cdrLateMs, onEnd: pusher.tellEnd });
  const asked = { apps: new Set(options.apps ?? []), answersAll, keepsFinished, recordUrlOf, pushUrl: () => pushUrl };
  const { failNext, nextFault } = openFaults<Fault>();
  const isWithinLimit = openLimit(options.perSecondMax ?? Number.POSITIVE_INFINITY, far.now);
  const run = openOperations(far, calls, asked);
  far.serve(serving(far, { refuse: openDoor(keys, far.now), run, nextFault, isWithinLimit }));

  return Object.assign(far.side, {
    addKey: (secretId: string, secretKey: string) => void keys.set(secretId, secretKey),
    failNext,
    setPush(to: string | null, auth?: PushAuth) {
      pushUrl = to;
      if (auth !== undefined) pusher.authenticate(auth);
    },
  });
}

/** The vendor counts each action by itself. */
function openLimit(perSecondMax: number, now: () => number): (action: string) => boolean {
  const lately = new Map<string, number[]>();
  return (action) => {
    const times = (lately.get(action) ?? []).filter((at) => at > now() - 1_000);
    lately.set(action, [...times, now()]);
    return times.length < perSecondMax;
  };
}
