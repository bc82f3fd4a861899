/** What the far side does when asked, once it knows by whom. */
import type { Far } from "../../kit/far/side.ts";
import { type FarCall, type Notice, noticeOf, type Order, type openCalls } from "./calls.ts";
import type { Fields } from "./dialect.ts";
import { playOf, type Script } from "./plan.ts";

export interface Result {
  /** 0 is a yes. */
  code: number;
  status: number;
  call: Notice | readonly Notice[] | null;
}
/** `lost` breaks the connection off. */
export type Operation = (account: string, fields: Fields) => Result | "lost";

const yes = (call: Result["call"]): Result => ({ code: 0, status: 200, call });
const no = (code: number, status = 200): Result => ({ code, status, call: null });
export const unauthorized = no(1001, 401);
export const malformed = no(2001);
const numberForm = /^\+?\d{3,15}$/;

export function openOperations(
  { url: origin, scriptOf }: Far<FarCall, Script>,
  calls: ReturnType<typeof openCalls>,
): Map<string, Operation> {
  const state = (call: FarCall): Notice => noticeOf(call, "state", origin);
  const named = (account: string, { id }: Fields): FarCall | undefined =>
    calls.find(account, (call) => call.id === id)[0];
  const operations: Record<string, Operation> = {
    account: () => yes(null),
    place(account, fields) {
      const order = readOrder(fields);
      if (order === null) return malformed;
      const play = playOf(order.to, scriptOf(order.to, order.data));
      if (play.answer === "refused") return no(play.code ?? 3001);
      if (play.answer === "unavailable") return no(5001, 500);
      const { id } = calls.start(account, order, play);
      return play.answer === "lost" ? "lost" : yes({ id });
    },
    hangup(account, fields) {
      const call = named(account, fields);
      if (call === undefined || call.times.hangup !== undefined) return no(4004);
      calls.hangup(call);
      return yes(null);
    },
    state(account, fields) {
      const call = named(account, fields);
      return call === undefined ? no(4004) : yes(state(call));
    },
    find: (account, { data }) => yes(calls.find(account, (call) => call.order.data === data).map(state)),
  };
  return new Map(Object.entries(operations));
}

function readOrder({ from, to, record, maxSeconds, data, callback }: Fields): Order | null {
  const [a, b, seconds] = [String(from ?? ""), String(to ?? ""), Number(maxSeconds)];
  if (!numberForm.test(a) || !numberForm.test(b) || !(seconds > 0)) return null;
  if (typeof data !== "string" || data.length > 64) return null;
  const wish = record === true || record === "true" || record === "1";
  return { from: a, to: b, record: wish, maxSeconds: seconds, data, callback: String(callback ?? "") };
}
