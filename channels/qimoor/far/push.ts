/** Pushes events and web call results as the parameters of a GET, each once: no second try is documented. */
import type { Far } from "../../kit/far/side.ts";
import { type CallState, eventOf, type FarCall } from "./call.ts";
import type { News } from "./calls.ts";
import type { Script } from "./plan.ts";

/** `addressOf`: the address that the account has entered. */
export function openPusher(
  { pushes, url: origin }: Far<FarCall, Script>,
  addressOf: (call: FarCall) => string | null,
): News {
  function push({ sheetId, play }: FarCall, url: string, parameters: Record<string, string>): void {
    const address = `${url}${url.includes("?") ? "&" : "?"}${new URLSearchParams(parameters)}`;
    pushes.inTurn(sheetId, () => pushes.sendOnce(address, { method: "GET" }), { copies: play.jumbled ? 2 : 1 });
  }

  return {
    tell(call: FarCall, state: CallState): void {
      const { play } = call;
      const url = play.notifyUrl ?? addressOf(call);
      if (url === null || (play.silent && state !== "Ring")) return;
      if (play.jumbled && (state === "Ringing" || state === "Link")) return;
      push(call, url, eventOf(call, state, origin));
      if (play.jumbled && state === "Hangup") push(call, url, eventOf({ ...call, end: null }, "Link", origin));
    },
    tellWebcall(call: FarCall, message: "4" | "3"): void {
      const { order, play } = call;
      if (order.kind !== "webcall" || order.callBackUrl === null || play.silent) return;
      push(call, order.callBackUrl, { actionid: order.actionId, Message: message });
    },
  };
}
