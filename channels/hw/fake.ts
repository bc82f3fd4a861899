/** The far side of the `hw` channel: tokens, two-way calls, states, records and callbacks, on a socket of its own. */
import { randomUUID } from "node:crypto";
import type { Server } from "node:http";
import { connectPush, type FarCall, releasePush } from "./far/call.ts";
import { openCalls, type SetTimer } from "./far/calls.ts";
import { openDoor } from "./far/door.ts";
import { openOperations } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";
import { type Fault, serve } from "./far/serve.ts";

export type { FarCall } from "./far/call.ts";
export type { Ending, Script } from "./far/plan.ts";
export type { Fault } from "./far/serve.ts";

export interface HwProviderOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  /** App key → app secret. */
  accounts?: Record<string, string>;
  now?: () => number;
  /** What plays the calls and the delays; real time unless given. */
  setTimer?: SetTimer;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  keepEnded?: number;
  speed?: number;
  serialFrom?: bigint;
  /** Which of a call's times the list of records is cut by. */
  cutBy?: "start" | "end";
  /** Real milliseconds between an end and its record. */
  cdrLateMs?: number;
  tokenSecondsMax?: number;
  /** Requests of one account within any minute; what is beyond is answered 429 and counted. */
  perMinuteMax?: number;
  /** Where the console has the connect callback go. */
  connectUrl?: string;
  pushFormat?: "json" | "map";
  answersAll?: boolean;
}

export interface HwProvider {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  addAccount(appKey: string, appSecret: string): void;
  /** For every call to this customer number, or with this `callData`; `next` for one call, whichever it is. */
  script(target: string, script: Script): void;
  /** Happens to the next request of this operation (`tokenByAkSk` too). */
  failNext(operation: string, fault: Fault): void;
  /** Withdraws every token before its time. */
  expireTokens(): void;
  setConnectUrl(url: string): void;
  /** From now on so many requests of one account within any minute. */
  limit(perMinuteMax: number): void;
  /** Accepted calls, oldest first. */
  readonly calls: readonly FarCall[];
  readonly running: number;
  /** How often the legs of the calls to this customer rang. */
  ringsOf(customer: string): { a: number; b: number };
  /** Requests by operation; `unauthorized` counts those that proved nothing. */
  readonly requests: Readonly<Record<string, number>>;
  readonly pushesLost: number;
  readonly tokensIssued: number;
  readonly overQuota: number;
}

/** 19 digits, as the vendor's samples have; another run's numbers are others. */
const serialBase = 1_037_058_396_000_000_000n;

export async function startHwProvider(options: HwProviderOptions = {}): Promise<HwProvider> {
  const now = options.now ?? Date.now;
  const apps = new Map(Object.entries(options.accounts ?? {}));
  const wishes = openWishes();
  const requests: Record<string, number> = {};
  let connectUrl = options.connectUrl ?? null;
  const pusher = openPusher({ fetch: options.fetch ?? fetch, format: options.pushFormat ?? "json" });
  const calls = openCalls({
    keepEnded: options.keepEnded ?? 20_000,
    speed: options.speed ?? 1,
    serialFrom: options.serialFrom ?? serialBase + BigInt(now() % 10_000_000) * 10_000_000n,
    cutBy: options.cutBy ?? "start",
    cdrLateMs: options.cdrLateMs ?? 0,
    now,
    setTimer: options.setTimer ?? realTimer,
    onConnect(call) {
      if (connectUrl !== null) void pusher.push(connectUrl, connectPush(call));
    },
    onRelease(call) {
      const url = call.order.callBackUrl;
      if (url !== undefined) void pusher.push(Buffer.from(url, "base64").toString(), releasePush(call));
    },
  });
  const tokenSecondsMax = options.tokenSecondsMax ?? 3_600;
  let perMinuteMax = options.perMinuteMax ?? null;
  const door = openDoor({ apps, now, newToken: randomUUID, tokenSecondsMax, perMinuteMax: () => perMinuteMax });
  let origin = "";
  const answersAll = options.answersAll ?? false;
  const operationNamed = openOperations({ calls, answersAll, origin: () => origin, now, scriptFor: wishes.scriptFor });
  const count = (name: string) => {
    requests[name] = (requests[name] ?? 0) + 1;
  };
  const serving = { door, operationNamed, nextFault: wishes.nextFault, later: calls.later, count, now };
  const { server, url } = await serve(serving, options.port ?? 0, options.host ?? "127.0.0.1");
  origin = url;

  const stop = stopperOf(server, () => {
    calls.stop();
    pusher.stop();
  });
  return {
    url,
    stop,
    addAccount: (appKey, appSecret) => void apps.set(appKey, appSecret),
    script: wishes.script,
    failNext: wishes.failNext,
    expireTokens: door.expireTokens,
    setConnectUrl(to) {
      connectUrl = to;
    },
    limit(max) {
      perMinuteMax = max;
    },
    get calls() {
      return calls.all();
    },
    get running() {
      return calls.running();
    },
    ringsOf: (customer) => calls.ringsOf(plain(customer)),
    requests,
    get pushesLost() {
      return pusher.lost();
    },
    get tokensIssued() {
      return door.issued();
    },
    get overQuota() {
      return door.overQuota();
    },
  };
}

const realTimer: SetTimer = (ms, act) => {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
};

function stopperOf(server: Server, first: () => void): () => Promise<void> {
  let stopping: Promise<void> | null = null;
  return () => {
    stopping ??= new Promise((resolve) => {
      first();
      server.close(() => resolve());
      server.closeAllConnections();
    });
    return stopping;
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
      else scripts.set(plain(target), script);
    },
    scriptFor: (callData: string, customer: string): Script =>
      scripts.get(callData) ?? scripts.get(customer) ?? nextScripts.shift() ?? {},
    failNext(operation: string, fault: Fault): void {
      faults.set(operation, [...(faults.get(operation) ?? []), fault]);
    },
    nextFault: (operation: string): Fault | undefined => faults.get(operation)?.shift(),
  };
}

/** Numbers are dialed in their national form here. */
function plain(customer: string): string {
  return customer.replace(/^\+86/, "");
}
