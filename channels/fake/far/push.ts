/** Pushes one event per request, a call's events one after the other, each until the receiver takes it. */
import { randomUUID } from "node:crypto";
import type { Far } from "../../kit/far/side.ts";
import type { CallMessage, EventMessage } from "../wire.ts";
import type { FarCall } from "./call.ts";
import { stamped } from "./door.ts";
import type { Script } from "./plan.ts";

export interface PusherOptions {
  secretOf(account: string): string;
  /** Before the second try; doubled before each further one. */
  retryMs: number;
}

/** At speed 1, how long a jumbled call holds back every other event. */
const heldBackMs = 2_600;

export function openPusher({ pushes, now }: Far<FarCall, Script>, { secretOf, retryMs }: PusherOptions) {
  const told = new Map<string, number>();
  const waitsMs = [1, 2, 4, 8].map((times) => times * retryMs);

  function push({ play, account }: FarCall, url: string, message: EventMessage | CallMessage): Promise<void> {
    const body = JSON.stringify(message);
    return pushes.sendUntilTaken(waitsMs, async () => {
      const secret = play.wrongSignature ? "not the secret" : secretOf(account);
      const received = await pushes.send(url, { headers: stamped(secret, randomUUID(), now(), body), body });
      return received !== null && received.status >= 200 && received.status < 300;
    });
  }

  return function tell(call: FarCall, message: EventMessage | CallMessage): void {
    const { play, callId, order } = call;
    const url = order.notifyUrl;
    const index = told.get(callId) ?? 0;
    told.set(callId, index + 1);
    if (message.type === "cdr") told.delete(callId);
    if (url === null || isLost(call, message)) return;
    const isHeldBack = play.jumbled && index % 2 === 1 && message.type === "event";
    const afterMs = (play.lateMs ?? 0) + (isHeldBack ? heldBackMs / order.speed : 0);
    pushes.inTurn(callId, () => push(call, url, message), { copies: play.jumbled ? 2 : 1, afterMs });
  };
}

function isLost({ play, a }: FarCall, message: EventMessage | CallMessage): boolean {
  const isFinal = message.type !== "event" || message.event === "hangup";
  if (play.losesFinal && isFinal) return true;
  if (play.jumbled && message.type === "event" && message.event === "ringing" && message.leg === "b") return true;
  if (!play.silentAfterRinging || message.type !== "event") return play.silentAfterRinging === true;
  return isFinal || message.leg !== "a" || a.answeredAt !== null;
}
