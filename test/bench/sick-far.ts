/**
 * A provider that can turn sick. It takes calls, pushes one CDR for each, can be asked for a call, and counts who was
 * rung. Sick it is gray (every placement is a 500, and health looks fine) or hangs (nothing is answered). Arguments:
 * port, account's secret.
 */
import { createHmac, randomUUID } from "node:crypto";

export type Mode = "well" | "gray" | "hanging";

export interface Counts {
  /** Placements that reached it while it was sick, by the millisecond since it turned. */
  sickHits: number[];
  /** Customers, by how often their phone rang. */
  rung: Record<string, number>;
}

const [port = "0", secret = ""] = process.argv.slice(2);
let mode: Mode = "well";
let turned = 0;
let sickHits: number[] = [];
const rung: Record<string, number> = {};
const accepted = new Map<string, { callId: string; callRef: string; attempt: number }>();
const never = new Promise<Response>(() => {});
const unavailable = () => Response.json({ code: "E_UNAVAILABLE" }, { status: 500 });

async function place(request: Request): Promise<Response> {
  const asked = (await request.json()) as { callRef: string; attempt: number; customer: string; notifyUrl?: string };
  if (mode !== "well") {
    sickHits.push(Date.now() - turned);
    return mode === "gray" ? unavailable() : never;
  }
  const { callRef, attempt, customer, notifyUrl } = asked;
  const call = { callId: randomUUID(), callRef, attempt };
  accepted.set(`${callRef}.${attempt}`, call);
  rung[customer] = (rung[customer] ?? 0) + 1;
  if (notifyUrl !== undefined) setTimeout(() => void push(notifyUrl, call), 200);
  return Response.json({ code: "ok", callId: call.callId });
}

async function push(url: string, call: object): Promise<void> {
  const now = new Date().toISOString();
  const leg = { calledAt: now, rangAt: now, answeredAt: now };
  const rest = { state: "ended", a: leg, b: leg, endedAt: now, code: "completed", recording: null };
  const body = JSON.stringify({ type: "cdr", ...call, ...rest });
  const [time, nonce] = [String(Date.now()), randomUUID()];
  const signature = createHmac("sha256", secret).update(`${time}\n${nonce}\nPOST\n\n${body}`).digest("hex");
  const headers = { "x-fake-time": time, "x-fake-nonce": nonce, "x-fake-signature": signature };
  await fetch(url, { method: "POST", headers, body }).catch(() => {});
}

Bun.serve({
  port: Number(port),
  hostname: "127.0.0.1",
  idleTimeout: 120,
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url, "http://far.side");
    if (pathname === "/mode") {
      mode = searchParams.get("is") as Mode;
      turned = Date.now();
      if (mode !== "well") sickHits = [];
      return Response.json({});
    }
    if (pathname === "/counts") return Response.json({ sickHits, rung } satisfies Counts);
    if (mode === "hanging") {
      if (pathname === "/v1/calls") await place(request);
      return never;
    }
    if (pathname === "/v1/calls") return place(request);
    if (pathname === "/v1/calls/running") {
      const call = accepted.get(`${searchParams.get("callRef")}.${searchParams.get("attempt")}`);
      return Response.json({ code: "ok", calls: call === undefined ? [] : [call], complete: true });
    }
    return Response.json({ code: "ok" });
  },
});
process.on("SIGTERM", () => process.exit(0));
process.stdout.write("ready\n");
