/** What every far side has, opened from what it was started with. */
import { openCallTable } from "./calls.ts";
import { type Fetch, openPushes } from "./pushes.ts";
import { openRings, type Rings } from "./rings.ts";
import { openSocket } from "./socket.ts";
import { openTimers, type SetTimer } from "./timers.ts";
import { openScripts } from "./wishes.ts";

export interface FarSideOptions {
  /** 0, the default, takes a free port. */
  port?: number;
  host?: string;
  /** 100 makes a call a hundred times as fast. */
  speed?: number;
  now?: () => number;
  /** What plays the calls and all delays; real time unless given. */
  setTimer?: SetTimer;
  fetch?: Fetch;
  /** Ended calls beyond so many are forgotten. */
  keepEnded?: number;
}

/** What tests see of it. */
export interface FarSide<Call, Script> {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  /** For every call to this customer number, or of this reference of ours; `next` for one call, whichever it is. */
  script(target: string, script: Script): void;
  /** Accepted calls, oldest first. */
  readonly calls: readonly Call[];
  readonly running: number;
  /** How often the legs of the calls to this customer rang. */
  ringsOf(customer: string): Rings;
  /** Requests by operation; `unauthorized` counts those that proved nothing. */
  readonly requests: Readonly<Record<string, number>>;
  readonly pushesLost: number;
}

export type Far<Call, Script extends object> = Awaited<ReturnType<typeof openFarSide<Call, Script>>>;

const keepEndedDefault = 20_000;

export async function openFarSide<Call, Script extends object>(options: FarSideOptions) {
  const { now = Date.now, speed = 1, keepEnded = keepEndedDefault } = options;
  const socket = await openSocket(options);
  const timers = openTimers(options.setTimer);
  const pushes = openPushes(options.fetch ?? fetch, timers);
  const calls = openCallTable<Call>({ timers, speed, keepEnded });
  const { rang, ringsOf } = openRings();
  const { script, scriptOf } = openScripts<Script>();
  const requests: Record<string, number> = {};
  const side: FarSide<Call, Script> = {
    url: socket.url,
    stop() {
      timers.stop();
      pushes.stop();
      return socket.stop();
    },
    script,
    get calls() {
      return calls.all();
    },
    get running() {
      return calls.running().length;
    },
    ringsOf,
    requests,
    get pushesLost() {
      return pushes.lost();
    },
  };
  const count = (name: string): void => {
    requests[name] = (requests[name] ?? 0) + 1;
  };
  return { side, url: socket.url, serve: socket.serve, now, speed, timers, pushes, calls, rang, scriptOf, count };
}
