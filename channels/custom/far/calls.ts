/** The far side's calls, what their steps do to them, and what is told of them. */
import { randomUUID } from "node:crypto";
import type { Far } from "../../kit/far/side.ts";
import { type Play, planOf, type Script, type Step } from "./plan.ts";

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
}

/** What a message says, before a dialect writes it. */
export type Notice = Record<string, string | number>;

export function openCalls({ calls, rang, now }: Far<FarCall, Script>, tell: (call: FarCall, event: string) => void) {
  const seed = randomUUID().slice(0, 8);
  let counter = 0;

  function take(call: FarCall, { event, leg, reason }: Step): void {
    call.event = event;
    call.leg = leg;
    call.times[leg === null ? event : `${event}.${leg}`] = now();
    if (event === "ringing" && leg !== null) rang(call.order.to, leg);
    if (event === "hangup") {
      calls.end(call.id);
      call.reason = reason;
    }
    tell(call, event);
    if (event === "hangup") tell(call, "cdr");
  }

  return {
    start(account: string, order: Order, play: Play): FarCall {
      counter += 1;
      const id = `${seed}-${counter}`;
      const call: FarCall = { account, id, order, play, event: "accepted", leg: null, times: {}, reason: null };
      calls.add(id, call);
      calls.play(id, planOf(play, order.maxSeconds), (step) => take(call, step));
      return call;
    },
    hangup: (call: FarCall): void => take(call, { afterMs: 0, event: "hangup", leg: null, reason: "cancelled" }),
    find: (account: string, fits: (call: FarCall) => boolean): FarCall[] =>
      calls.all().filter((call) => call.account === account && fits(call)),
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
