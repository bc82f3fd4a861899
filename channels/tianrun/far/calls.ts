/** The far side's calls, by agent, and what their steps do to them. */
import type { Far } from "../../kit/far/side.ts";
import { type FarCall, type FarOrder, newCall } from "./call.ts";
import { type Play, planOf, type Script, type Step } from "./plan.ts";

const forced = 1002;

export function openCalls(
  { calls, rang, now }: Far<FarCall, Script>,
  tell: (call: FarCall, step: Step["name"]) => void,
) {
  let counter = 0;

  function take(call: FarCall, step: Step): void {
    if (step.name === "end") {
      const { status, sipCause, endReason } = step;
      calls.end(call.uniqueId);
      call.ended = { at: now(), status, sipCause, endReason };
    } else {
      call.at[step.name] = now();
    }
    if (step.name === "ring-a") rang(call.order.customer, "a");
    if (step.name === "ring-b") rang(call.order.customer, "b");
    tell(call, step.name);
  }

  const runningOf = (account: string, cno: string) =>
    calls.running().find((call) => call.account === account && call.order.cno === cno);

  return {
    start(account: string, order: FarOrder, play: Play): void {
      counter += 1;
      const uniqueId = `medias_${counter}-${Math.floor(now() / 1_000)}.${counter}`;
      const call = newCall({ account, uniqueId, order, play });
      calls.add(uniqueId, call);
      calls.play(uniqueId, planOf(play), (step) => take(call, step));
    },
    runningOf,
    /** Until A answers; false where there is no such call. */
    cancel(account: string, cno: string): boolean {
      const call = runningOf(account, cno);
      if (call === undefined || call.at["answer-a"] !== null) return false;
      take(call, { afterMs: 0, name: "end", status: 30, sipCause: 487, endReason: forced });
      return true;
    },
    /** From A's answer on. */
    unlink(account: string, cno: string): boolean {
      const call = runningOf(account, cno);
      if (call === undefined || call.at["answer-a"] === null) return false;
      const status = call.at.bridge === null ? 32 : 33;
      take(call, { afterMs: 0, name: "end", status, sipCause: status === 33 ? 200 : 487, endReason: forced });
      return true;
    },
    /** Ended calls that were asked for by their request's id. */
    records(account: string, requestUniqueId: string, fromMs: number, untilMs: number): FarCall[] {
      return calls.all().filter(({ order, ended, play, at, account: whose }) => {
        const began = at["call-a"] ?? ended?.at ?? 0;
        const isAsked = order.requestUniqueId === requestUniqueId || play.unfiltered === true;
        return whose === account && ended !== null && isAsked && began >= fromMs && began <= untilMs;
      });
    },
  };
}
