/**
 * A business app: places a callback for an order, follows it to its end, and reads the record.
 * 业务应用：为订单发起回拨，跟踪到结束，读取通话记录。
 *
 *   HUALU_URL=http://localhost:3000 HUALU_KEY=hk_… bun docs/examples/app.ts 13900000000 order-4711
 */
import { hc } from "hono/client";
import type { CallApi } from "../../src/http/calls.ts";

const [customerPhone = "13900000000", orderId = "order-4711"] = process.argv.slice(2);
const api = hc<CallApi>(process.env.HUALU_URL ?? "http://localhost:3000", {
  headers: { authorization: `Bearer ${process.env.HUALU_KEY ?? ""}` },
});

// The key makes a repeated request harmless: the same key never dials twice.
const dialed = await api.api.v1.calls.dial.$post({
  header: { "idempotency-key": orderId },
  json: { customerPhone, orderId, bizData: { source: "example" } },
});
if (!dialed.ok) throw new Error(`no call: ${await dialed.text()}`);
const { callId } = await dialed.json();

// Each answer is held until the record is newer than the version that we know: no busy polling.
let version = 0;
let status = "";
while (status !== "ended") {
  const answer = await api.api.v1.calls[":callId"].status.$get({
    param: { callId },
    query: { wait: "25", version: String(version) },
  });
  if (!answer.ok) throw new Error(`no status: ${await answer.text()}`);
  const told = await answer.json();
  if (told.status !== status) process.stdout.write(`${told.status}${told.result === null ? "" : ` ${told.result}`}\n`);
  ({ status, version } = told);
}

const answer = await api.api.v1.calls[":callId"].$get({ param: { callId } });
const record = await answer.json();
process.stdout.write(`${JSON.stringify(record)}\n`);
