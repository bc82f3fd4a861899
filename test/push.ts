import { createHmac, randomBytes } from "node:crypto";

/** Pushes a body to a fake line's webhook, signed as the simulated provider signs. The status of the answer. */
export async function push(url: string, secret: string, body: string | Uint8Array, now = new Date()): Promise<number> {
  const time = String(now.getTime());
  const nonce = randomBytes(8).toString("hex");
  const bytes = Buffer.from(body);
  const signature = createHmac("sha256", secret).update(`${time}\n${nonce}\nPOST\n\n`).update(bytes).digest("hex");
  const headers = { "x-fake-time": time, "x-fake-nonce": nonce, "x-fake-signature": signature };
  const answer = await fetch(url, { method: "POST", headers, body: bytes });
  await answer.body?.cancel();
  return answer.status;
}
