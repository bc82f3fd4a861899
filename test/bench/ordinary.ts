/**
 * The same flow written in the ordinary way: Express, node-postgres, one statement each. It keeps what a dial must keep
 * (key, call, attempt, event, message, the agent's seat), and does not seal, route or scrub. Arguments: port, database,
 * provider.
 */
import { randomUUID } from "node:crypto";
import express from "express";
import pg from "pg";

const [port = "0", database = "", provider = ""] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: database, max: 10 });
await pool.query(`
  create table if not exists o_keys (key text primary key, call_id text not null);
  create table if not exists o_calls (call_id text primary key, customer text, agent text, status text, body jsonb,
    created timestamptz default now(), updated timestamptz);
  create table if not exists o_attempts (call_id text, number int, outcome text, provider_id text,
    primary key (call_id, number));
  create table if not exists o_events (id bigserial primary key, call_id text, kind text, at timestamptz default now());
  create table if not exists o_outbox (id bigserial primary key, call_id text, topic text, payload jsonb);
  create table if not exists o_seats (agent text primary key, call_id text)`);

const app = express();
app.use(express.json());
app.post("/dial", async (request, response) => {
  const { customerPhone, agent } = request.body;
  const key = request.get("idempotency-key") ?? randomUUID();
  const callId = randomUUID();
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("insert into o_keys values ($1, $2)", [key, callId]);
    await client.query("insert into o_seats values ($1, $2) on conflict (agent) do update set call_id = $2", [
      agent,
      callId,
    ]);
    await client.query(
      "insert into o_calls (call_id, customer, agent, status, body) values ($1, $2, $3, 'calling', $4)",
      [callId, customerPhone, agent, request.body],
    );
    await client.query("insert into o_attempts values ($1, 1, 'sent')", [callId]);
    await client.query("insert into o_events (call_id, kind) values ($1, 'sent')", [callId]);
    await client.query("insert into o_outbox (call_id, topic, payload) values ($1, 'created', $2)", [
      callId,
      request.body,
    ]);
    await client.query("commit");
    const answer = await fetch(provider, { method: "POST", body: JSON.stringify({ callId, customerPhone, agent }) });
    const placed = (await answer.json()) as { callId: string };
    await client.query("begin");
    await client.query("select * from o_calls where call_id = $1 for update", [callId]);
    await client.query("update o_attempts set outcome = 'placed', provider_id = $2 where call_id = $1", [
      callId,
      placed.callId,
    ]);
    await client.query("insert into o_events (call_id, kind) values ($1, 'placed')", [callId]);
    await client.query("update o_calls set status = 'calling', updated = now() where call_id = $1", [callId]);
    await client.query("insert into o_outbox (call_id, topic, payload) values ($1, 'updated', $2)", [callId, placed]);
    await client.query("commit");
    const shown = await client.query("select call_id, status from o_calls where call_id = $1", [callId]);
    response.json({ success: true, callId, status: shown.rows[0].status });
  } finally {
    client.release();
  }
});
app.listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));
process.on("SIGTERM", () => process.exit(0));
