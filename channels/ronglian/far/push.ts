/** Pushes records and server callbacks, each once: no second try is documented. */
import type { Far } from "../../kit/far/side.ts";
import { type Action, callbackOf, type FarCall, type Nested, recordOf, xmlOf } from "./call.ts";
import type { News } from "./calls.ts";
import type { Script } from "./plan.ts";

export interface PusherOptions {
  /** Which of them a push is in follows no documented rule. */
  format: "xml" | "json";
  /** The address entered on the app for server callbacks; null asks nobody. */
  callbackUrlOf(call: FarCall): string | null;
  /** What a right answer to a server callback says. */
  authReply: "0000" | "000000";
}

export function openPusher({ pushes, timers, url: origin }: Far<FarCall, Script>, options: PusherOptions): News {
  const headers = { "content-type": `application/${options.format};charset=utf-8` };

  /** The body of a right answer, or null. */
  async function push(url: string, root: string, fields: Nested, call: FarCall): Promise<string | null> {
    const written = options.format === "xml" ? xmlOf(root, fields) : JSON.stringify(fields);
    const received = await pushes.send(url, { headers, body: call.play.garbagePushes ? "busy" : written });
    const code = /"?statuscode"?\s*[>:]\s*"?(\d+)/.exec(received?.text ?? "")?.[1];
    const wanted = fields.action === undefined ? "000000" : options.authReply;
    if (received?.status === 200 && code === wanted) return received.text;
    pushes.lose();
    return null;
  }

  function enqueue(call: FarCall, act: () => Promise<unknown>): void {
    const { lateMs = 0, silent, jumbled } = call.play;
    if (silent) return;
    const late = () => timers.pause(lateMs).then(act);
    pushes.inTurn(call.callSid, lateMs > 0 ? late : act, { copies: jumbled ? 2 : 1 });
  }

  async function callback(call: FarCall, action: Action): Promise<string | null> {
    const url = options.callbackUrlOf(call);
    return url === null ? null : push(`${url}/${action}`, "Request", callbackOf(call, action, origin), call);
  }

  function record(call: FarCall): void {
    const root = call.order.needBothCdr === "1" ? "CDRS" : "CDR";
    const { hangupCdrUrl } = call.order;
    if (hangupCdrUrl !== "") enqueue(call, () => push(hangupCdrUrl, root, recordOf(call, origin), call));
  }

  return {
    async mayBegin(call: FarCall): Promise<boolean> {
      if (options.callbackUrlOf(call) === null) return true;
      const answer = await callback(call, "CallAuth");
      call.record = /"?record"?\s*[>:]\s*"?([01])/.exec(answer ?? "")?.[1] ?? null;
      return answer !== null;
    },
    established(call: FarCall): void {
      if (!call.play.jumbled) enqueue(call, () => callback(call, "CallEstablish"));
    },
    ended(call: FarCall): void {
      if (call.play.jumbled) record(call);
      enqueue(call, () => callback(call, "Hangup"));
      if (!call.play.jumbled) record(call);
    },
  };
}
