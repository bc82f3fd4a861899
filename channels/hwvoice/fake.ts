/** The far side of the `hwvoice` channel: two-way calls, their status and fee pushes, and recordings, on a socket. */
import { type Answer, json } from "../kit/far/answer.ts";
import { silentALawWav } from "../kit/far/recording.ts";
import { type FarSide, type FarSideOptions, openFarSide } from "../kit/far/side.ts";
import type { Asked } from "../kit/far/socket.ts";
import { type FarCall, feeOf } from "./far/call.ts";
import { openCalls } from "./far/calls.ts";
import { openDoor } from "./far/door.ts";
import { playOf, type Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";
import { readOrder, readStop } from "./far/request.ts";

export interface HwvoiceProviderOptions extends FarSideOptions {
  /** App key → app secret. */
  apps?: Record<string, string>;
  /** How far ahead of UTC the clock of requests has to be, and that of status pushes is. */
  clockHours?: { requests: number; statuses: number };
  signature?: "none" | "aksk-v1" | "aksk-v2";
  /** Entered on the application, for calls that name no address. */
  appUrl?: string;
}

export interface HwvoiceProvider extends FarSide<FarCall, Script> {
  /** Fee pushes that were tried. */
  readonly pushed: Readonly<{ fees: number }>;
}

export async function startHwvoiceProvider(options: HwvoiceProviderOptions = {}): Promise<HwvoiceProvider> {
  const far = await openFarSide<FarCall, Script>(options);
  const apps = new Map(Object.entries(options.apps ?? {}));
  const { clockHours = { requests: 0, statuses: 0 }, signature = "none", appUrl } = options;
  const secretOf = (appKey: string) => apps.get(appKey) ?? "";
  const { tell, pushed } = openPusher(far, { signature, secretOf, appUrl, clockHours: clockHours.statuses });
  const calls = openCalls(far, tell);
  const door = openDoor({ apps, now: far.now, clockHours: clockHours.requests });

  far.serve(({ method, url, headers, body }: Asked): Answer | Promise<Answer> => {
    const { pathname, searchParams } = url;
    if (method === "GET" && pathname.startsWith("/sound/")) {
      return { status: 200, type: "audio/wav", body: silentALawWav() };
    }
    far.count(pathname.split("/").at(-2) ?? "");
    const admitted = door.admit(headers);
    if ("refusal" in admitted) {
      far.count("unauthorized");
      return coded(admitted.refusal, admitted.refusal.startsWith("1023") ? 400 : 200);
    }
    const { appKey } = admitted;
    if (pathname === "/rest/httpsessions/click2Call/v2.0") return place(appKey, body);
    if (pathname === "/rest/httpsessions/callStop/v2.0") {
      const sessionId = readStop(body);
      if (sessionId === null) return coded("1010002");
      return coded(calls.stop(appKey, sessionId) ? "0" : "1020176");
    }
    if (pathname !== "/rest/provision/voice/record/v1.0") return coded("1010006", 404);
    const found = searchParams.get("recordDomain") === "recordings.example.cn" ? searchParams.get("fileName") : null;
    const isOurs = far.calls.all().some((call) => call.appKey === appKey && feeOf(call, "").recordObjectName === found);
    if (!isOurs) return coded("1016001");
    return { status: 301, headers: { location: `${far.url}/sound/${found}?Expires=1&Signature=s1gn` }, body: "" };
  });

  function place(appKey: string, body: Buffer): Answer {
    const order = readOrder(body);
    if (typeof order === "string") return coded(order);
    const play = playOf(order.calleeNbr, far.scriptOf(order.calleeNbr));
    if (play.answer === "refused") return coded(play.resultcode ?? "1010021");
    if (play.answer === "unavailable") return coded("1010001", 500);
    const { sessionId } = calls.start(appKey, order, play);
    return play.answer === "lost" ? "lost" : json({ resultcode: "0", resultdesc: "Success", sessionId });
  }

  return Object.assign(far.side, { pushed });
}

function coded(resultcode: string, status = 200): Answer {
  return json({ resultcode, resultdesc: resultcode === "0" ? "Success" : "Refused.", sessionId: "" }, status);
}
