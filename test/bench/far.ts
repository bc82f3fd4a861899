/**
 * A provider that says yes at once: what is left is the time of whoever asks. Five times a second it pushes news of its
 * latest call, since a line whose provider is never heard of is taken out of use. Arguments: port, the line's secret.
 */
import { createHmac, randomUUID } from "node:crypto";

const [port = "0", secret = ""] = process.argv.slice(2);
let calls = 0;
let latest: { callId: string; order: { callRef?: string; attempt?: number; notifyUrl?: string } } | null = null;
Bun.serve({
  port: Number(port),
  hostname: "127.0.0.1",
  async fetch(request) {
    if (request.method !== "POST") return Response.json({ code: "ok" });
    const callId = `far-${++calls}`;
    latest = { callId, order: (await request.json()) as object };
    return Response.json({ code: "ok", callId });
  },
});
setInterval(() => {
  const { callRef, attempt, notifyUrl } = latest?.order ?? {};
  if (latest === null || notifyUrl === undefined) return;
  const [time, nonce] = [String(Date.now()), randomUUID()];
  const event = { type: "event", callId: latest.callId, callRef, attempt, event: "calling", leg: "a", code: null };
  const body = JSON.stringify({ ...event, time: new Date().toISOString() });
  latest = null;
  const signature = createHmac("sha256", secret).update(`${time}\n${nonce}\nPOST\n\n${body}`).digest("hex");
  const headers = { "x-fake-time": time, "x-fake-nonce": nonce, "x-fake-signature": signature };
  void fetch(notifyUrl, { method: "POST", headers, body }).catch(() => {});
}, 200);
process.on("SIGTERM", () => process.exit(0));
process.stdout.write("ready\n");
