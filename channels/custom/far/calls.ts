/** The far side's calls, running and ended, and the timers that play them. */
import { type Play, planOf, type Step } from "./plan.ts";

/** Acts once after so many milliseconds, unless what it returns is called before. */
export type SetTimer = (ms: number, act: () => void) => () => void;

export interface Order {
  from: string;
  to: string;
  record: boolean;
  maxSeconds: number;
  /** Comes back in every message. */
  data: string;
  callback: string;
}

export interface FarCall {
  readonly account: string;
  readonly id: string;
  readonly order: Readonly<Order>;
  readonly play: Readonly<Play>;
  /** The last event, and its leg. */
  event: string;
  leg: "a" | "b" | null;
  /** `calling.a` → epoch milliseconds. */
  readonly times: Record<string, number>;
  reason: string | null;
  /** How often each leg rang. */
  readonly rings: { a: number; b: number };
}

/** What a message says, before a dialect writes it. */
export type Notice = Record<string, string | number>;

export interface CallsOptions {
  speed: number;
  seed: string;
  now: () => number;
  setTimer: SetTimer;
  tell(call: FarCall, event: string): void;
}

const callsMax = 10_000;

export function openCalls(options: CallsOptions) {
  const byId = new Map<string, FarCall>();
  /** The next step of each running call: one at a time, so that two steps of the same moment keep their order. */
  const timers = new Map<string, () => void>();
  let counter = 0;

  function schedule(call: FarCall, [step, ...later]: Step[], playedMs: number): void {
    if (!step) return;
    const act = () => {
      take(call, step);
      schedule(call, later, step.afterMs);
    };
    timers.set(call.id, options.setTimer((step.afterMs - playedMs) / options.speed, act));
  }

  function take(call: FarCall, { event, leg, reason }: Step): void {
    call.event = event;
    call.leg = leg;
    call.times[leg === null ? event : `${event}.${leg}`] = options.now();
    if (event === "ringing" && leg !== null) call.rings[leg] += 1;
    if (event === "hangup") {
      timers.get(call.id)?.();
      timers.delete(call.id);
      call.reason = reason;
    }
    options.tell(call, event);
    if (event === "hangup") options.tell(call, "cdr");
  }

  return {
    start(account: string, order: Order, play: Play): FarCall {
      counter += 1;
      const id = `${options.seed}-${counter}`;
      const rings = { a: 0, b: 0 };
      const call: FarCall = { account, id, order, play, event: "accepted", leg: null, times: {}, reason: null, rings };
      byId.set(id, call);
      const [oldest] = byId.keys();
      if (byId.size > callsMax && oldest !== undefined) byId.delete(oldest);
      schedule(call, planOf(play, order.maxSeconds), 0);
      return call;
    },
    hangup: (call: FarCall): void => take(call, { afterMs: 0, event: "hangup", leg: null, reason: "cancelled" }),
    find: (account: string, fits: (call: FarCall) => boolean): FarCall[] =>
      [...byId.values()].filter((call) => call.account === account && fits(call)),
    all: () => [...byId.values()],
    stop(): void {
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}

/** One message: an event by itself, or the whole call (`cdr` once it is over). Times in epoch milliseconds. */
export function noticeOf(call: FarCall, event: string, origin: string): Notice {
  const { id, order, times, reason } = call;
  const whole = event === "cdr" || event === "state";
  const ended = times.hangup !== undefined;
  const name = event === "state" ? (ended ? "cdr" : call.event) : event;
  const leg = name === "cdr" || call.leg === null ? {} : { leg: call.leg };
  const at = name === "cdr" ? "hangup" : call.leg === null ? call.event : `${call.event}.${call.leg}`;
  const recorded = order.record && times["answered.b"] !== undefined && ended;
  return {
    id,
    data: order.data,
    event: name,
    ...leg,
    ...(times[at] !== undefined && { time: times[at] }),
    ...(reason !== null && { reason }),
    ...(whole && Object.fromEntries(Object.entries(times).map(([one, ms]) => [`at-${one.replace(".", "-")}`, ms]))),
    ...(whole && recorded && { recording: `${origin}/recordings/${id}.mp3`, seconds: 1 }),
  };
}
