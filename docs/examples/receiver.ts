/**
 * Receives Hualu's webhooks and believes only what is signed (Standard Webhooks).
 * 接收话路的 Webhook，只相信签名正确的消息。
 *
 *   HUALU_WEBHOOK_SECRET=whsec_… PORT=4000 bun docs/examples/receiver.ts
 */
import { createHmac, timingSafeEqual } from "node:crypto";

const secret = Buffer.from((process.env.HUALU_WEBHOOK_SECRET ?? "").replace(/^whsec_/, ""), "base64");
const toleranceSeconds = 300;

/** True for a message signed with our secret not long ago. While secrets are changed it carries two signatures. */
function isSigned(headers: Headers, body: string): boolean {
  const id = headers.get("webhook-id") ?? "";
  const time = headers.get("webhook-timestamp") ?? "";
  if (!(Math.abs(Date.now() / 1000 - Number(time)) <= toleranceSeconds)) return false;
  const expected = createHmac("sha256", secret).update(`${id}.${time}.${body}`).digest();
  return (headers.get("webhook-signature") ?? "").split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return signature.startsWith("v1,") && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

/** A message may come twice; its id is the same then. Keep it where you keep your data. */
const seen = new Set<string>();

const server = Bun.serve({
  port: Number(process.env.PORT ?? 4000),
  hostname: "127.0.0.1",
  async fetch(request) {
    const body = await request.text();
    if (!isSigned(request.headers, body)) return new Response("not signed", { status: 401 });
    const message = JSON.parse(body);
    if (!seen.has(message.id)) {
      seen.add(message.id);
      process.stdout.write(`${message.type} ${message.callId} version ${message.version}\n`);
    }
    return new Response(null, { status: 204 });
  },
});
process.stdout.write(`listening on ${server.url}\n`);
