/** Pushes: a status once, a fee record up to six more times, an hour apart; signed where the account asks for it. */
import { createHmac, randomUUID } from "node:crypto";
import type { Far } from "../../kit/far/side.ts";
import { type FarCall, feeOf, statusOf } from "./call.ts";
import type { Script, Step } from "./plan.ts";

export interface PusherOptions {
  signature: "none" | "aksk-v1" | "aksk-v2";
  secretOf(appKey: string): string;
  /** Where pushes of calls go that name no address. */
  appUrl: string | undefined;
  /** How far ahead of UTC the clock of statuses is. */
  clockHours: number;
}

const feesMax = 50;
/** Records of calls that end together go out together. */
const gatherMs = 20;
const feeWaitsMs = Array.from({ length: 6 }, () => 3_600_000);
/** At speed 1, how long a jumbled call holds back what is about A: beyond B's beginning. */
const heldBackMs = 2_600;

export function openPusher({ pushes, timers, now, speed, url: origin }: Far<FarCall, Script>, options: PusherOptions) {
  const gathered = new Map<string, Record<string, unknown>[]>();
  const pushed = { fees: 0 };

  function signed(appKey: string, url: string): Record<string, string> {
    if (options.signature === "none") return {};
    const nonce = randomUUID().replaceAll("-", "");
    const isSecond = options.signature === "aksk-v2";
    const created = new Date(now() + (isSecond ? 8 * 3_600_000 : 0)).toISOString().replace(/\.\d+Z$/, "Z");
    const text = isSecond ? `${url}\n${nonce}\n${created}` : url + nonce + created;
    const digest = createHmac("sha256", options.secretOf(appKey)).update(text).digest("base64");
    const token = `UsernameToken Username="${appKey}", PasswordDigest="${digest}", Nonce="${nonce}", Created="${created}"`;
    return { authorization: 'AKSK realm="SDP",profile="UsernameToken",type="Appkey"', "x-aksk": token };
  }

  function written(appKey: string, url: string, message: unknown): RequestInit {
    const headers = { "content-type": "application/json;charset=UTF-8", ...signed(appKey, url) };
    return { headers, body: JSON.stringify(message) };
  }

  function sendFees(appKey: string, url: string, feeLst: unknown[]): Promise<void> {
    return pushes.sendUntilTaken(feeWaitsMs, async () => {
      pushed.fees += 1;
      return (await pushes.send(url, written(appKey, url, { eventType: "fee", feeLst })))?.status === 200;
    });
  }

  function gatherFee(appKey: string, url: string, record: Record<string, unknown>): void {
    const waiting = gathered.get(url) ?? [];
    waiting.push(record);
    if (gathered.has(url)) return;
    gathered.set(url, waiting);
    timers.later(gatherMs, () => {
      gathered.delete(url);
      for (let from = 0; from < waiting.length; from += feesMax) {
        void sendFees(appKey, url, waiting.slice(from, from + feesMax));
      }
    });
  }

  function addressOf(encoded: string | undefined): string | undefined {
    return encoded === undefined ? options.appUrl : Buffer.from(encoded, "base64").toString();
  }

  function tell(call: FarCall, step: Step): void {
    const { play, order, appKey, sessionId } = call;
    const leg = "leg" in step ? step.leg : null;
    const isLost = play.loses?.includes(step.name) || (play.jumbled && step.name === "answer" && leg === "b");
    const copies = play.jumbled ? 2 : 1;
    const url = addressOf(order.statusUrl);
    if (url !== undefined && !isLost) {
      const message = statusOf(call, step.name, leg, now(), options.clockHours);
      const afterMs = play.jumbled && leg === "a" ? heldBackMs / speed : 0;
      pushes.inTurn(sessionId, () => pushes.sendOnce(url, written(appKey, url, message)), { copies, afterMs });
    }
    const feeUrl = addressOf(order.feeUrl);
    if (step.name !== "disconnect" || play.losesFee || feeUrl === undefined) return;
    for (let copy = 0; copy < copies; copy += 1) gatherFee(appKey, feeUrl, feeOf(call, origin));
  }

  return { tell, pushed };
}
