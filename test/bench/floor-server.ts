/**
 * The least that a program of this kind can do: it reads a request, stores it together with those that came at the same
 * time, and answers. Nothing is checked, sealed, routed, limited or told. Arguments: port, what
 * (`nothing`, `push`, `dial`), database, provider.
 */
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { createBatch } from "../../db/batch.ts";

const [port = "0", what = "", database = "", provider = ""] = process.argv.slice(2);
const sql = postgres(database, { max: 4, onnotice: () => {} });
await sql.unsafe(`
  create table if not exists f_pushes (id bigserial primary key, body text);
  create table if not exists f_keys (key text primary key, call_id text);
  create table if not exists f_seats (agent text primary key, call_id text);
  create table if not exists f_calls (call_id text primary key, status text, body jsonb, updated timestamptz);
  create table if not exists f_attempts (call_id text primary key, outcome text, provider_id text);
  create table if not exists f_events (id bigserial primary key, call_id text, kind text, at timestamptz default now());
  create table if not exists f_outbox (id bigserial primary key, call_id text, topic text, payload jsonb)`);

const shared = <Item>(run: (group: readonly Item[]) => Promise<unknown>) =>
  createBatch<Item, void>({
    sizeMax: 256,
    waitingMax: 100_000,
    atOnce: 2,
    run: async (group) => {
      await run(group);
      return [];
    },
    full: () => new Error("too many at once"),
  });
const column = (texts: readonly string[]): string => texts.join("\x1f");
const list = (n: number): string => `string_to_array($${n}::text, E'\\x1f')`;

const push = shared<string>((bodies) =>
  sql.unsafe(`insert into f_pushes (body) select * from unnest(${list(1)})`, [column(bodies)], { prepare: true }),
);

interface Call {
  id: string;
  key: string;
  agent: string;
  body: string;
}

/** The rows of `ordinary.ts`, each kind by one statement, all statements of a commit by one write. */
const begin = shared<Call>((calls) =>
  sql.begin((tx) => {
    const [ids, bodies] = [column(calls.map(({ id }) => id)), column(calls.map(({ body }) => body))];
    const all = (text: string, ...values: string[]) => tx.unsafe(text, values, { prepare: true });
    return [
      all(`insert into f_keys select * from unnest(${list(1)}, ${list(2)})`, column(calls.map(({ key }) => key)), ids),
      all(
        `insert into f_seats select * from unnest(${list(1)}, ${list(2)}) on conflict (agent) do update set call_id = excluded.call_id`,
        column(calls.map(({ agent }) => agent)),
        ids,
      ),
      all(
        `insert into f_calls select id, 'calling', body::jsonb from unnest(${list(1)}, ${list(2)}) as n(id, body)`,
        ids,
        bodies,
      ),
      all(`insert into f_attempts select id, 'sent' from unnest(${list(1)}) as n(id)`, ids),
      all(`insert into f_events (call_id, kind) select id, 'sent' from unnest(${list(1)}) as n(id)`, ids),
      all(
        `insert into f_outbox (call_id, topic, payload) select id, 'created', body::jsonb from unnest(${list(1)}, ${list(2)}) as n(id, body)`,
        ids,
        bodies,
      ),
    ];
  }),
);
const settle = shared<{ id: string; providerId: string }>((calls) =>
  sql.begin((tx) => {
    const [ids, given] = [column(calls.map(({ id }) => id)), column(calls.map(({ providerId }) => providerId))];
    const all = (text: string, ...values: string[]) => tx.unsafe(text, values, { prepare: true });
    return [
      all(`select call_id from f_calls where call_id = any(${list(1)}) order by call_id for update`, ids),
      all(
        `update f_attempts set outcome = 'placed', provider_id = n.given from unnest(${list(1)}, ${list(2)}) as n(id, given) where call_id = n.id`,
        ids,
        given,
      ),
      all(`update f_calls set updated = now() where call_id = any(${list(1)})`, ids),
      all(`insert into f_events (call_id, kind) select id, 'placed' from unnest(${list(1)}) as n(id)`, ids),
      all(
        `insert into f_outbox (call_id, topic, payload) select id, 'updated', to_jsonb(given) from unnest(${list(1)}, ${list(2)}) as n(id, given)`,
        ids,
        given,
      ),
    ];
  }),
);

async function dial(request: Request): Promise<Response> {
  const body = await request.text();
  const id = randomUUID();
  await begin({ id, key: request.headers.get("idempotency-key") ?? id, agent: JSON.parse(body).agent, body });
  const answer = (await (await fetch(provider, { method: "POST", body })).json()) as { callId: string };
  await settle({ id, providerId: answer.callId });
  return Response.json({ success: true, callId: id, status: "calling" });
}

async function take(request: Request): Promise<Response> {
  const body = await request.text();
  if (what === "push") await push(body);
  return new Response("ok");
}

Bun.serve({ port: Number(port), hostname: "127.0.0.1", fetch: what === "dial" ? dial : take });
process.on("SIGTERM", () => process.exit(0));
process.stdout.write("ready\n");
