/** The far side of the `tencent` channel: dual calls, sessions, records and pushes, on a socket of its own. */
import { randomUUID } from "node:crypto";
import { cdrPush, type FarCall, recordPushes } from "./far/call.ts";
import { openCalls, type SetTimer } from "./far/calls.ts";
import { openDoor } from "./far/door.ts";
import { openOperations } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher, type PushAuth } from "./far/push.ts";
import { recordingUrlLife } from "./far/recording.ts";
import { type Fault, serve } from "./far/serve.ts";

export type { FarCall } from "./far/call.ts";
export { tc3Signature } from "./far/door.ts";
export type { Ending, Script } from "./far/plan.ts";
export type { PushAuth } from "./far/push.ts";
export type { Fault } from "./far/serve.ts";

export interface TencentProviderOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  /** SecretId → SecretKey. */
  keys?: Record<string, string>;
  apps?: readonly number[];
  now?: () => number;
  /** What plays the calls and the delays; real time unless given. */
  setTimer?: SetTimer;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  keepEnded?: number;
  speed?: number;
  /** Which of a call's times the list of records is cut by. */
  cutBy?: "start" | "end";
  /** Real milliseconds between an end and its record. */
  cdrLateMs?: number;
  /** Whether DescribeTelSession still knows a session that is over. */
  keepsFinished?: boolean;
  /** Whether the application records its calls. */
  records?: boolean;
  /** Requests of one action within any second; what is beyond is refused. */
  perSecondMax?: number;
  /** Real milliseconds before a push is repeated. */
  pushRetryMs?: number;
  answersAll?: boolean;
}

export interface TencentProvider {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  addKey(secretId: string, secretKey: string): void;
  /** For every call to this customer number, or with this UUI; `next` for one call, whichever it is. */
  script(target: string, script: Script): void;
  /** Happens to the next request of this action. */
  failNext(action: string, fault: Fault): void;
  /** Where the console has pushes of calls go that begin from now on, and how they prove themselves. */
  setPush(url: string | null, auth?: PushAuth): void;
  /** Accepted calls, ended ones first. */
  readonly calls: readonly FarCall[];
  readonly running: number;
  /** How often the legs of the calls to this customer rang. */
  ringsOf(customer: string): { a: number; b: number };
  /** Requests by action; `unauthorized` counts those that proved nothing. */
  readonly requests: Readonly<Record<string, number>>;
  readonly pushesLost: number;
}

export async function startTencentProvider(options: TencentProviderOptions = {}): Promise<TencentProvider> {
  const now = options.now ?? Date.now;
  const keys = new Map(Object.entries(options.keys ?? {}));
  const wishes = openWishes();
  const requests: Record<string, number> = {};
  let pushUrl: string | null = null;
  let origin = "";
  const pushing = { fetch: options.fetch ?? fetch, newId: randomUUID, now, retryMs: options.pushRetryMs ?? 50 };
  const pusher = openPusher(pushing);
  const recordUrlOf = ({ sessionId, b, endedAt }: FarCall): string | null => {
    const isRecorded = options.records !== false && endedAt !== null && b.answeredAt !== null;
    return isRecorded ? `${origin}/recording/${sessionId}.wav?t=${now() + recordingUrlLife}&sign=s1gn` : null;
  };
  const calls = openCalls({
    keepEnded: options.keepEnded ?? 20_000,
    speed: options.speed ?? 1,
    newId: randomUUID,
    cutBy: options.cutBy ?? "start",
    cdrLateMs: options.cdrLateMs ?? 0,
    now,
    setTimer: options.setTimer ?? realTimer,
    onEnd: (call) => void pushEnd(pusher, call, recordUrlOf(call)),
  });
  const run = openOperations({
    calls,
    apps: new Set(options.apps ?? []),
    answersAll: options.answersAll ?? false,
    keepsFinished: options.keepsFinished ?? false,
    recordUrlOf,
    pushUrl: () => pushUrl,
    now,
    scriptFor: wishes.scriptFor,
  });
  const { server, url } = await serve(
    {
      refuse: openDoor(keys, now),
      run,
      nextFault: wishes.nextFault,
      isWithinLimit: openLimit(options.perSecondMax ?? Number.POSITIVE_INFINITY, now),
      later: calls.later,
      count(name) {
        requests[name] = (requests[name] ?? 0) + 1;
      },
      newId: randomUUID,
      now,
    },
    options.port ?? 0,
    options.host ?? "127.0.0.1",
  );
  origin = url;
  let stopping: Promise<void> | null = null;
  return {
    url,
    stop() {
      stopping ??= new Promise((resolve) => {
        calls.stop();
        pusher.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return stopping;
    },
    addKey: (secretId, secretKey) => void keys.set(secretId, secretKey),
    script: wishes.script,
    failNext: wishes.failNext,
    setPush(to, auth) {
      pushUrl = to;
      if (auth !== undefined) pusher.authenticate(auth);
    },
    get calls() {
      return calls.all();
    },
    get running() {
      return calls.running();
    },
    ringsOf: (customer) => calls.ringsOf(dialed(customer)),
    requests,
    get pushesLost() {
      return pusher.lost();
    },
  };
}

const realTimer: SetTimer = (ms, act) => {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
};

async function pushEnd(pusher: ReturnType<typeof openPusher>, call: FarCall, recordUrl: string | null): Promise<void> {
  const { pushUrl, play } = call;
  if (pushUrl === null || play.losesPushes) return;
  const cdr = () => pusher.push(pushUrl, "cdr", cdrPush(call));
  const sound = recordUrl === null ? [] : recordPushes(call, recordUrl);
  const record = () => Promise.all(sound.map((message) => pusher.push(pushUrl, "record", message)));
  for (const send of play.jumbled ? [record, cdr, record, cdr] : [cdr, record]) await send();
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

/** What tests want to happen to calls and requests. */
function openWishes() {
  const scripts = new Map<string, Script>();
  const nextScripts: Script[] = [];
  const faults = new Map<string, Fault[]>();
  return {
    script(target: string, script: Script): void {
      if (target === "next") nextScripts.push(script);
      else scripts.set(/^\+?\d/.test(target) ? dialed(target) : target, script);
    },
    scriptFor: (uui: string, callee: string): Script =>
      scripts.get(uui) ?? scripts.get(callee) ?? nextScripts.shift() ?? {},
    failNext(action: string, fault: Fault): void {
      faults.set(action, [...(faults.get(action) ?? []), fault]);
    },
    nextFault: (action: string): Fault | undefined => faults.get(action)?.shift(),
  };
}

/** As numbers are dialed here. */
function dialed(customer: string): string {
  return `0086${customer.replace(/^(\+86|0086)/, "")}`;
}
