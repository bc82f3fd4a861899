/** The far side of the `hwvoice` channel: two-way calls, their status and fee pushes, and recordings, on a socket. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type FarCall, feeOf, statusOf } from "./far/call.ts";
import { openCalls, type SetTimer } from "./far/calls.ts";
import { openDoor } from "./far/door.ts";
import { playOf, type Script, type Step } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";
import { recordingWav } from "./far/recording.ts";
import { readOrder, readStop } from "./far/request.ts";

export interface HwvoiceProviderOptions {
  port?: number;
  host?: string;
  /** App key → app secret. */
  apps?: Record<string, string>;
  now?: () => number;
  /** What plays the calls and the repetitions; real time unless given. */
  setTimer?: SetTimer;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  speed?: number;
  /** How far ahead of UTC the clock of requests has to be, and that of status pushes is. */
  clockHours?: { requests: number; statuses: number };
  signature?: "none" | "aksk-v1" | "aksk-v2";
  /** Entered on the application, for calls that name no address. */
  appUrl?: string;
}

export interface HwvoiceProvider {
  readonly url: string;
  /** Ends every call and connection; may be called twice. */
  stop(): Promise<void>;
  /** For every call to this customer number. */
  script(customer: string, script: Script): void;
  /** Accepted calls, oldest first. */
  readonly calls: readonly FarCall[];
  ringsOf(customer: string): { a: number; b: number };
  /** Requests by operation; `unauthorized` counts those that proved nothing. */
  readonly requests: Readonly<Record<string, number>>;
  /** Fee pushes that were tried, and pushes of which nothing came any more. */
  readonly pushed: Readonly<{ fees: number; lost: number }>;
}

const bodyBytesMax = 64 * 1024;
/** At speed 1, how long a jumbled call holds back what is about A: beyond B's beginning. */
const heldBackMs = 2_600;
type Written = { status: number; body?: string; headers?: Record<string, string>; sound?: Uint8Array } | "lost";

export async function startHwvoiceProvider(options: HwvoiceProviderOptions = {}): Promise<HwvoiceProvider> {
  const now = options.now ?? Date.now;
  const speed = options.speed ?? 1;
  const setTimer = options.setTimer ?? realTimer;
  const hours = options.clockHours ?? { requests: 0, statuses: 0 };
  const apps = new Map(Object.entries(options.apps ?? {}));
  const scripts = new Map<string, Script>();
  const requests: Record<string, number> = {};
  const signature = options.signature ?? "none";
  const secretOf = (appKey: string) => apps.get(appKey) ?? "";
  const pusher = openPusher({ fetch: options.fetch ?? fetch, now, setTimer, signature, secretOf });
  const door = openDoor({ apps, now, clockHours: hours.requests });
  let origin = "";

  function tell(call: FarCall, step: Step): void {
    const { play, order, appKey, sessionId } = call;
    const addressOf = (encoded: string | undefined) =>
      encoded === undefined ? options.appUrl : Buffer.from(encoded, "base64").toString();
    const leg = "leg" in step ? step.leg : null;
    const url = addressOf(order.statusUrl);
    const isLost = play.loses?.includes(step.name) || (play.jumbled && step.name === "answer" && leg === "b");
    const copies = play.jumbled ? 2 : 1;
    const lateMs = play.jumbled && leg === "a" ? heldBackMs / speed : 0;
    const message = statusOf(call, step.name, leg, now(), hours.statuses);
    for (let copy = 0; copy < copies && url !== undefined && !isLost; copy += 1) {
      pusher.status({ appKey, url }, sessionId, message, lateMs);
    }
    const feeUrl = addressOf(order.feeUrl);
    if (step.name !== "disconnect" || play.losesFee || feeUrl === undefined) return;
    for (let copy = 0; copy < copies; copy += 1) pusher.fee({ appKey, url: feeUrl }, feeOf(call, origin));
  }

  const calls = openCalls({ speed, now, setTimer, tell });
  const count = (name: string) => {
    requests[name] = (requests[name] ?? 0) + 1;
  };

  function answer(request: IncomingMessage, body: Buffer): Written {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://far.side");
    if (request.method === "GET" && pathname.startsWith("/sound/")) return { status: 200, sound: recordingWav() };
    const name = pathname.split("/").at(-2) ?? "";
    count(name);
    const admitted = door.admit(request.headers);
    if ("refusal" in admitted) {
      count("unauthorized");
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
    const isOurs = calls.all().some((call) => call.appKey === appKey && feeOf(call, "").recordObjectName === found);
    if (!isOurs) return coded("1016001");
    return { status: 301, headers: { location: `${origin}/sound/${found}?Expires=1&Signature=s1gn` } };
  }

  function place(appKey: string, body: Buffer): Written {
    const order = readOrder(body);
    if (typeof order === "string") return coded(order);
    const play = playOf(order.calleeNbr, scripts.get(order.calleeNbr) ?? {});
    if (play.answer === "refused") return coded(play.resultcode ?? "1010021");
    if (play.answer === "unavailable") return coded("1010001", 500);
    const { sessionId } = calls.start(appKey, order, play);
    if (play.answer === "lost") return "lost";
    return { status: 200, body: JSON.stringify({ resultcode: "0", resultdesc: "Success", sessionId }) };
  }

  const server = createServer((request, response) => {
    // A connection that breaks off is nobody's error here: the far side just goes on.
    read(request)
      .then((body) => write(response, body === null ? coded("1010002", 400) : answer(request, body)))
      .catch(() => response.socket?.destroy());
  });
  origin = await listen(server, options.port ?? 0, options.host ?? "127.0.0.1");
  let stopping: Promise<void> | null = null;
  return {
    url: origin,
    stop() {
      stopping ??= new Promise((resolve) => {
        calls.end();
        pusher.stop();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return stopping;
    },
    script: (customer, script) => void scripts.set(customer, script),
    get calls() {
      return calls.all();
    },
    ringsOf: calls.ringsOf,
    requests,
    pushed: pusher.counts,
  };
}

function coded(resultcode: string, status = 200): Written {
  const resultdesc = resultcode === "0" ? "Success" : "Refused.";
  return { status, body: JSON.stringify({ resultcode, resultdesc, sessionId: "" }) };
}

function write(response: ServerResponse, written: Written): void {
  if (written === "lost") return void response.socket?.destroy();
  const type = written.sound ? "audio/wav" : "application/json;charset=UTF-8";
  response.writeHead(written.status, { "content-type": type, ...written.headers });
  response.end(written.sound ?? written.body ?? "");
}

async function listen(server: Server, port: number, host: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return `http://${host}:${typeof address === "object" && address !== null ? address.port : 0}`;
}

/** null where the body is too large. */
async function read(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const realTimer: SetTimer = (ms, act) => {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
};
